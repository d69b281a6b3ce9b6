from __future__ import annotations

import json

import numpy as np
import pytest
from experiment.part_two import trained, weights, written

from fittool.config.experiment_file import load_experiment
from fittool.config.yaml.file_references import code_named_in
from fittool.errors import CheckpointError, ExperimentError, UserCodeError
from fittool.experiment.trained_run import open_trained

LOOP = "{mode: train_on_batch, loop: 'mine:loop', epochs: 3, batch_size: 5, validation_split: 0.25}"
PLAIN = """
def loop(model, batches, epoch):
    for inputs, targets in batches:
        model.train_on_batch(inputs, targets)
"""


def loop(folder, code, train=LOOP):
    (folder / "mine.py").write_text(code)
    return written(folder, train)


def row(run, number=-1):
    return json.loads((run.directory / "metrics.jsonl").read_text().splitlines()[number])


def test_the_plainest_loop_is_fit(tmp_path):
    own = trained(loop(tmp_path, PLAIN), "own")
    same = LOOP.replace("mode: train_on_batch, loop: 'mine:loop'", "mode: fit")
    fit = trained(written(tmp_path, same), "fit")
    assert all(np.array_equal(weights(own)[name], array) for name, array in weights(fit).items())
    assert {name: value for name, value in row(own).items() if "second" not in name}.items() <= row(fit).items()


def test_a_batch_gives_its_own_values_and_the_epoch_all(tmp_path):
    code = """
import json, pathlib
def loop(model, batches, epoch):
    seen = []
    for inputs, targets in batches:
        before = model.test_on_batch(inputs, targets)
        logs = model.train_on_batch(inputs, targets)
        seen.append((before["loss"], logs["loss"], len(inputs)))
    pathlib.Path(__file__ + ".json").write_text(json.dumps(seen))
"""
    run = trained(loop(tmp_path, code))
    seen = json.loads((tmp_path / "mine.py.json").read_text())
    assert [size for *_, size in seen] == [5, 5, 5, 3]
    assert all(before == pytest.approx(loss) for before, loss, _ in seen)
    assert row(run)["loss"] == pytest.approx(sum(loss * size for _, loss, size in seen) / 18)


def test_a_batch_gives_keras_list_which_answers_to_names(tmp_path):
    code = """
def loop(model, batches, epoch):
    for inputs, targets in batches:
        logs = model.train_on_batch(inputs, targets)
        loss, accuracy = logs
        assert (loss, accuracy) == (logs["loss"], logs["accuracy"]) and dict(logs) == {"loss": loss, "accuracy": accuracy}
        assert type(model.train_on_batch(inputs, targets, return_dict=True)) is dict
    loss, accuracy = model.evaluate(inputs, targets, verbose=0)
    assert model.get_layer("first").units == 4 and [layer.name for layer in model.layers] == ["first", "last"]
"""
    assert trained(loop(tmp_path, code)).outcome.reason == "completed"


def test_the_model_predicts_and_has_rate_and_weights(tmp_path):
    code = """
def loop(model, batches, epoch):
    model.learning_rate = 0.5 / (epoch + 1)
    for inputs, targets in batches:
        assert model.predict_on_batch(inputs).shape == (len(inputs), 2)
        model.train_on_batch(inputs, targets, class_weight={0: 2.0})
    assert [array.shape for array in model.get_weights()] == [(3, 4), (4,), (4, 2), (2,)]
"""
    run = trained(loop(tmp_path, code))
    assert [row(run, number)["learning_rate"] for number in range(3)] == [0.5, 0.25, pytest.approx(0.5 / 3)]


def test_a_loop_may_bring_its_own_batches(tmp_path):
    code = """
import numpy as np
def loop(model, batches, epoch):
    model.train_on_batch(np.ones((2, 3), np.float32), np.array([0, 1]))
"""
    assert int(weights(trained(loop(tmp_path, code)))["optimizer/iterations"]) == 3


def test_a_loop_that_asks_for_the_end_gets_no_more_batches(tmp_path):
    code = PLAIN + "        model.stop_training = True\n"
    run = trained(loop(tmp_path, code))
    assert (run.outcome.reason, int(weights(run)["optimizer/iterations"])) == ("stopped", 1)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def loop(model, batches, epoch): 1 / 0", r"mine.py:1: mine.py:loop failed in epoch 1: ZeroDivisionError"),
        ("def loop(model, batches, epoch): pass", "did not call model.train_on_batch in epoch 1"),
        ("def loop(model, batches, epoch): model.train_on_batch(3, 4)", "an array with one row per sample was expected"),
    ],
)
def test_mistakes_of_a_loop_are_told(tmp_path, code, message):
    with pytest.raises(UserCodeError, match=message):
        trained(loop(tmp_path, code))


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("{mode: train_on_batch}", "train.mode train_on_batch needs your own loop"),
        ("{mode: train_on_batch, loop: mine}", "train.loop must have the form module:function, got 'mine'"),
        ("{mode: train_on_batch, loop: 'mine:lop'}", r"has no function lop. Did you mean loop\?"),
    ],
)
def test_what_is_no_loop_is_refused(tmp_path, train, message):
    with pytest.raises(ExperimentError, match=message):
        trained(loop(tmp_path, PLAIN, train))


def test_a_loop_in_another_mode_is_a_warning(tmp_path):
    path = loop(tmp_path, PLAIN, "{loop: 'mine:loop'}")
    assert "train.loop has no effect in mode fit" in load_experiment(path).warnings[0].text


def test_a_class_of_the_user_hears_of_everything_and_its_faults_are_told(tmp_path):
    (tmp_path / "mine.py").write_text("""
from fittool.callbacks import Callback
class Bad(Callback):
    def __init__(self, at): self.at = at
    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.at: raise ValueError("enough")
""")
    path = written(tmp_path, "{epochs: 3}", "callbacks: [{python: {class: 'mine:Bad', arguments: {at: 1}}}]")
    with pytest.raises(UserCodeError, match=r"mine.py:6: The callback mine.py:Bad, on_epoch_end, failed: ValueError: enough"):
        trained(path)
    assert row(type("Run", (), {"directory": tmp_path / "run"}))["epoch"] == 1


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        ("{class: 'mine:loop'}", "mine.py:loop is no callback"),
        ("{class: 'mine:No'}", "has no function No"),
        ("{class: 'mine'}", "must have the form module:function"),
    ],
)
def test_what_is_no_callback_is_refused(tmp_path, callback, message):
    (tmp_path / "mine.py").write_text(PLAIN)
    with pytest.raises(ExperimentError, match=message):
        trained(written(tmp_path, "{epochs: 1}", f"callbacks: [{{python: {callback}}}]"))


@pytest.mark.parametrize(
    ("train", "more", "named"),
    [
        (LOOP, "", "train.loop"),
        (
            "{epochs: 1}",
            "callbacks: [{LambdaCallback: {on_epoch_end: 'mine:hook'}}]",
            r"callbacks\[0\].LambdaCallback.on_epoch_end",
        ),
        ("{epochs: 1}", "callbacks: [{LearningRateScheduler: {schedule: 'mine:rate'}}]", r"LearningRateScheduler.schedule"),
        ("{epochs: 1}", "callbacks: [{python: {class: 'mine:Class'}}]", r"callbacks\[0\].python.class"),
        ("[{epochs: 1, callbacks: [{python: {class: 'mine:Class'}}]}]", "", r"train\[0\].callbacks\[0\].python.class"),
    ],
)
def test_a_run_directory_runs_no_code(tmp_path, train, more, named):
    code = """
from fittool.callbacks import Callback
import pathlib
ran = pathlib.Path(__file__ + ".ran")
ran.write_text(ran.read_text() + "x" if ran.exists() else "x")
def loop(model, batches, epoch):
    for batch in batches: model.train_on_batch(*batch)
def hook(epoch, logs): pass
def rate(epoch, rate): return rate
class Class(Callback): pass
"""
    (tmp_path / "mine.py").write_text(code)
    path = written(tmp_path, train, more)
    run = trained(path)
    ran = (tmp_path / "mine.py.ran").read_text()
    with pytest.raises(CheckpointError, match=f"names Python code, .*mine.py:.* as .*{named}.*--experiment"):
        open_trained(run.directory)
    assert (tmp_path / "mine.py.ran").read_text() == ran
    assert open_trained(run.directory, experiment=path).graph.parameter_count == 26


def test_a_validation_source_of_the_user_is_code_too(tmp_path):
    path = written(tmp_path, "{epochs: 1}")
    path.write_text(path.read_text().replace("numbers.npz}}", "a.npz}}, validation: {python: {function: 'm:f'}}"))
    ((keys, name),) = code_named_in(load_experiment(path).experiment)
    assert (keys, name) == (("data", "validation", "python", "function"), f"{tmp_path}/m.py:f")
