from __future__ import annotations

import pytest
from experiment.part_two import written

from fittool.config.experiment import Experiment
from fittool.config.experiment_file import load_experiment
from fittool.config.yaml.file_references import code_fields
from fittool.settings import fields_of
from fittool.settings.lookup import families


def callback(folder, text):
    return load_experiment(written(folder, "{epochs: 1}", f"callbacks: [{text}]")).experiment.callbacks[0]


def test_a_backup_outlives_the_run_beside_the_experiment(tmp_path):
    assert callback(tmp_path, "{BackupAndRestore: {backup_dir: backup}}").backup_dir == str(tmp_path / "backup")


def test_functions_of_callbacks_are_files_beside_the_experiment(tmp_path):
    assert callback(tmp_path, "{LambdaCallback: {on_train_end: 'a:b'}}").on_train_end == f"{tmp_path}/a.py:b"
    assert callback(tmp_path, "{python: {class: 'a:B'}}").class_ == f"{tmp_path}/a.py:B"


def test_loops_and_old_weights_too(tmp_path):
    train = "[{mode: train_on_batch, loop: 'a:b', callbacks: [{BackupAndRestore: {backup_dir: c}}]}]"
    loaded = load_experiment(written(tmp_path, train, "initial_weights: {from: old}")).experiment
    assert loaded.train[0].loop == f"{tmp_path}/a.py:b"
    assert loaded.train[0].callbacks[0].backup_dir == str(tmp_path / "c")
    assert loaded.initial_weights.from_ == str(tmp_path / "old")


def test_resolved_it_reads_back_the_same(tmp_path):
    train = "[{epochs: 2, trainable: la*, name: a}, {mode: train_on_batch, loop: 'a:b'}]"
    more = "initial_weights: {from: old}\ncallbacks: [{python: {class: 'a:B', arguments: {x: 1}}}]"
    loaded = load_experiment(written(tmp_path, train, more))
    again = tmp_path / "resolved.yaml"
    again.write_text(loaded.resolved_yaml())
    assert load_experiment(again).experiment == loaded.experiment


@pytest.mark.parametrize("family", families(Experiment), ids=lambda family: family.kind)
def test_every_setting_that_names_code_is_marked(family):
    for cls in family.members.values():
        told = {name for name, info in fields_of(cls).items() if "module:" in (info.description or "")}
        assert told <= set(code_fields(cls))
