from __future__ import annotations

from typing import Annotated, get_args

from experiment.part_two import written
from pydantic import TypeAdapter, ValidationError

from fittool.config.experiment import Experiment
from fittool.config.experiment_file import load_experiment
from fittool.config.yaml.file_references import code_fields
from fittool.settings import CONFIG, fields_of
from fittool.settings.lookup import families
from fittool.settings.optional_section import OptionalSection


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


NO_CODE = {
    *(
        "name",
        "inputs",
        "outputs",
        "weights_of",
        "unfreeze",
        "trainable",
        "classes",
        "monitor",
        "field",
        "headers",
        "arguments",
    ),
    *("label", "labels", "features", "image", "images", "weight", "sample_weight", "group", "x", "y", "separator"),
    *("column", "value", "missing_values", "exclude_layers", "recompute", "metric"),
    *("tracking_uri", "experiment_name", "run_name", "tags", "project", "entity"),
    *("path", "root", "from", "dir", "filename", "filepath", "backup_dir", "log_dir", "embeddings_metadata"),
}
"""Settings that take any text and run none of it: names, columns, and paths of data."""


def settings_classes():
    """Every section of an experiment, and every member of a family."""
    found, waiting = [], [Experiment, *(member for family in families(Experiment) for member in family.members.values())]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, OptionalSection):
            waiting.append(annotation.described)
        elif not hasattr(annotation, "__pydantic_fields__"):
            waiting += get_args(annotation)
        elif annotation not in found:
            found.append(annotation)
            waiting += [form for info in fields_of(annotation).values() for form in (info.annotation, *info.metadata)]
    return found


def takes(info, value):
    """Whether a field accepts a value."""
    kind = Annotated.__class_getitem__((info.annotation, *info.metadata, None))
    try:
        TypeAdapter(kind, config=None if hasattr(info.annotation, "__pydantic_fields__") else CONFIG).validate_python(value)
    except ValidationError:
        return False
    return True


def test_every_setting_that_can_name_code_is_marked_or_known_to_run_none():
    text = "module:function"
    able = {
        (cls, name)
        for cls in settings_classes()
        for name, info in fields_of(cls).items()
        if any(takes(info, value) for value in (text, [text], {"a": text}))
    }
    marked = {(cls, name) for cls in settings_classes() for name in code_fields(cls)}
    assert {"function", "class", "loop", "preprocessing_function", "schedule", "on_epoch_end"} <= {name for _, name in marked}
    assert marked <= able
    assert {name for _, name in able - marked} == NO_CODE
