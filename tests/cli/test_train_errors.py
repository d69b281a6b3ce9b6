"""Each mistake gives one clear message and its exit code, and leaves nothing half-written."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from arrays import read_arrays
from cli.commands import DIVERGING, FROM_GENERATOR, FROM_PICTURES, GENERATOR, SMALL

GENERATED = ("--set", "train.mode=fit_generator")


@pytest.fixture
def refused(fittool, folder):
    """Train what is wrong, and make sure that no run directory is left."""

    def refused(*arguments):
        done = fittool("train", *arguments)
        assert done.out == ""
        assert not list(folder.glob("runs/*/*"))
        assert "Traceback" not in done.err
        return done.code, done.err

    return refused


def damaged(pictures, name):
    """Cut a picture in the middle."""
    path = pictures / name
    path.write_bytes(path.read_bytes()[:60])


def test_wrong_experiment_tells_all_mistakes_with_their_places(refused, write):
    code, said = refused(write(("filters: 4", "filtres: 4"), ("units: 3", "units: -3"), ("adam", "adm")))
    assert code == 3
    assert "e.yaml:8:16: model.layers[1].Conv2D.filtres is not a setting. Did you mean filters?" in said
    assert "e.yaml:11:22: model.layers[4].Dense.units must be at least 1, got -3." in said
    assert "e.yaml:13:14: compile.optimizer: no optimizer is called adm. Did you mean Adam?" in said
    assert said.splitlines()[-1] == "3 errors. Nothing was run."


def test_missing_folder_is_told_at_the_line_of_the_setting(refused, write, pictures):
    code, said = refused(write(*FROM_PICTURES, ("path: pictures", "path: missing")))
    assert code == 4
    assert said.startswith("e.yaml:4:20: ")
    assert "missing: There is no such folder." in said


def test_missing_npz_is_told_at_the_line_of_the_setting(refused, write):
    code, said = refused(write(("small.npz", "missing.npz")))
    assert (code, said.split(" ")[0]) == (4, "e.yaml:4:17:")


@pytest.mark.parametrize("mode", ["fit", "fit_generator"])
def test_truncated_image_is_named(refused, write, pictures, mode):
    damaged(pictures, "dog/2.png")
    code, said = refused(write(*FROM_PICTURES), "--set", f"train.mode={mode}", "--verbose", "0")
    assert code == 4
    assert said.count("\n") == 1
    assert "pictures/dog/2.png: The image is cut short" in said


def test_label_out_of_range_is_told_with_what_would_fit(refused, write):
    path = write()
    images, labels = read_arrays("small.npz").values()
    labels[5] = 7
    np.savez("small.npz", x=images, y=labels)
    code, said = refused(path)
    assert code == 3
    assert "e.yaml:14:3: data.train gives 4 classes (0, 1, 2, 7), but the network's output has places for 0 to 2 only." in said


def test_nan_in_the_input_is_found(refused, write):
    path = write()
    images, labels = read_arrays("small.npz").values()
    images = images.astype(np.float32)
    images[9, 2, 0, 0] = np.nan
    np.savez("small.npz", x=images, y=labels)
    code, said = refused(path)
    assert code == 4
    assert "x holds 1 value that is NaN or infinite, the first at x[9, 2, 0, 0]." in said


def test_loss_that_turns_nan_ends_the_run_and_is_recorded(fittool, small):
    done = fittool("train", small, *DIVERGING, "--run-dir", "here")
    assert (done.code, done.out) == (9, "")
    assert "loss became NaN at epoch 1, step 2 (last finite: " in done.err
    assert "small.npz: x[" in done.err
    assert (small.parent / "here" / "diverged.safetensors").exists()
    assert not list((small.parent / "here").glob("checkpoints/*.safetensors"))
    assert '"state": "diverged"' in (small.parent / "here" / "status.json").read_text()


def test_divergence_after_an_epoch_leaves_a_good_checkpoint(fittool, write):
    write(text="def rate(epoch, rate): return 1e30 if epoch else 1e-3\n", name="mine.py")
    path = write(
        ("optimizer: adam", "optimizer: sgd"),
        ("train:\n", 'callbacks: [LearningRateScheduler: {schedule: "mine:rate"}]\ntrain:\n'),
    )
    done = fittool("train", path, "--run-dir", "here")
    assert done.code == 9
    assert done.err.endswith("The run is in here, the state then in diverged.safetensors there.\n")
    assert fittool("evaluate", "here", "--checkpoint", "last", "--experiment", path).code == 0


def test_missing_experiment_names_the_nearest_file(refused, small):
    code, said = refused("a.yaml")
    assert (code, "There is no file a.yaml. Did you mean e.yaml?" in said) == (2, True)


def test_experiment_that_is_a_folder_is_refused(refused, folder):
    (folder / "here").mkdir()
    assert refused("here") == (2, "here: This is a folder. Give an experiment file.\n")


@pytest.mark.parametrize(
    "source",
    ["folder: {path: ''}", "npz: {path: ''}", "npy: {x: '', y: y.npy}", "csv: {path: '', label: a}", "idx: {images: ''}"],
)
def test_empty_path_is_told_at_its_place(fittool, folder, source):
    text = "model: {layers: [Flatten, {Dense: {units: 2}}]}\ncompile: {loss: mse}\n"
    (folder / "e.yaml").write_text(f"data:\n  train: {{{source}}}\n{text}")
    done = fittool("check", "e.yaml")
    assert done.code == 3
    assert done.err.startswith(f"e.yaml:2:{source.index(chr(39)) + 11}: data.train.")
    assert "must not be empty" in done.err


def test_unknown_option_names_the_nearest(refused, small):
    code, said = refused(small, "--verbos", "1")
    assert (code, "Did you mean" in said, "'--verbose'" in said) == (2, True, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train.epochs", "Write KEY=VALUE"),
        ("train.epoch=3", "train.epoch is not a setting. Did you mean epochs?"),
        ("model.layers.9.Dense.units=3", "model.layers"),
        ("train.epochs=[", "train.epochs"),
        ("train.epochs=none", "train.epochs must be"),
        ("~train.epochs.more", "train.epochs"),
    ],
)
def test_wrong_override_is_a_wrong_command_line(refused, small, text, said):
    code, told = refused(small, "--set", text)
    assert (code, told.count("\n")) == (2, 1)
    assert told.startswith(f"--set {text}: ")
    assert said in told


def test_augmentation_in_mode_fit_names_fit_generator(refused, write):
    code, said = refused(write(("train:\n", "augmentation: {rotation_range: 20}\ntrain:\n")))
    assert code == 3
    assert "e.yaml:16:1: augmentation needs train.mode fit_generator" in said


def test_generator_that_raises_is_told_with_file_and_line(fittool, write):
    write(text="import mine\n" + GENERATOR, name="mine.py")
    write(
        ("        yield", "        if _ == 3:\n            raise RuntimeError('no more')\n        yield"),
        text=GENERATOR,
        name="mine.py",
    )
    done = fittool("train", write(*FROM_GENERATOR), "--run-dir", "here")
    assert done.code == 10
    assert "mine.py:7: mine.py:batches failed in batch 4 of pass 1: RuntimeError: no more" in done.err
    assert '"state": "failed"' in (write().parent / "here" / "status.json").read_text()


def test_generator_that_raises_at_once_leaves_nothing(refused, write):
    write(text="def batches():\n    raise RuntimeError('no file')\n    yield\n", name="mine.py")
    code, said = refused(write(*FROM_GENERATOR))
    assert (code, "mine.py:2: " in said, "RuntimeError: no file" in said) == (10, True, True)


def test_generator_file_that_cannot_be_loaded_is_told_with_its_line(refused, write):
    write(text="import numpy\nimport nonsense_module\n", name="mine.py")
    code, said = refused(write(*FROM_GENERATOR))
    assert (code, "mine.py:2: " in said, "nonsense_module" in said) == (10, True, True)


def test_layer_that_does_not_fit_is_told_at_its_line(refused, write):
    code, said = refused(write(("kernel_size: 3", "kernel_size: 9")))
    assert code == 3
    assert 'e.yaml:8:7: Layer 1 (Conv2D "conv2d"): a window of 9 does not fit into 6 without padding.' in said


@pytest.mark.parametrize(
    ("loss", "metric", "line", "said"),
    [
        (
            "mean_squared_error",
            "mae",
            14,
            "mean_squared_error expects targets of the outputs' shape (3,), but data.train gives ()",
        ),
        (
            "categorical_crossentropy",
            "sparse_categorical_accuracy",
            15,
            "one-hot targets of 3 classes. Use categorical_accuracy.",
        ),
    ],
)
def test_loss_or_metric_that_does_not_fit_the_targets(refused, write, loss, metric, line, said):
    code, told = refused(write(("sparse_categorical_crossentropy", loss), ("[accuracy]", f"[{metric}]")))
    assert (code, said in told) == (3, True)
    assert told.startswith(f"e.yaml:{line}:3: ")


def test_loss_for_two_classes_of_three(refused, write):
    code, said = refused(write(("sparse_categorical_crossentropy", "binary_crossentropy")))
    assert code == 4
    assert "e.yaml:4:11: class_mode: binary needs two classes" in said


def test_output_that_is_no_row_of_classes_is_refused(refused, write):
    code, said = refused(write(("    - Flatten\n", "")))
    assert code == 3
    assert "e.yaml:13:3: sparse_categorical_crossentropy expects targets of shape (4, 4) for outputs of shape (4, 4, 3)" in said


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("mine:batch", "mine.py has no function batch. Did you mean batches?"),
        ("yours:batches", "There is no file"),
        ("mine", "must have the form module:function"),
    ],
)
def test_function_that_is_not_there(refused, write, reference, said):
    write(text=GENERATOR, name="mine.py")
    code, told = refused(write(*FROM_GENERATOR, ("mine:batches", reference)))
    assert (code, said in told) == (3, True)
    assert told.startswith("e.yaml:4:")


def test_arguments_that_a_function_does_not_take(refused, write):
    write(text=GENERATOR, name="mine.py")
    code, said = refused(write(*FROM_GENERATOR, ('"mine:batches"', '"mine:batches", arguments: {counts: 3}')))
    assert (code, "Did you mean count?" in said) == (3, True)


@pytest.mark.parametrize(("monitor", "code"), [("val_acc", 3), ("accuracy", 0)])
def test_callback_that_watches_what_is_not_there(fittool, write, folder, monitor, code):
    done = fittool("train", write(("train:\n", f"callbacks: [EarlyStopping: {{monitor: {monitor}}}]\ntrain:\n")))
    assert done.code == code
    assert bool(list(folder.glob("runs/*/*"))) == (code == 0)


def test_more_steps_than_fit_has_batches_names_both(refused, small):
    code, said = refused(small, "--set", "train.steps_per_epoch=9")
    assert code == 2  # a wrong option is a wrong command line
    assert "steps_per_epoch is 9, but the data have only 5 batches of 8." in said


def test_more_validation_steps_than_batches_is_told_at_its_line(refused, write):
    code, said = refused(write(("train:\n", "train:\n  validation_steps: 3\n")))
    assert code == 3
    assert said.startswith("e.yaml:17:3: validation_steps is 3, but the data have only 2 batches of 8.")


def test_class_weight_of_an_unknown_class_is_refused(refused, write, pictures):
    code, said = refused(write(*FROM_PICTURES), "--set", "train.class_weight={cats: 2.0}")
    assert (code, "there is no class cats. Did you mean cat?" in said) == (2, True)


def test_folder_without_a_file_that_can_be_read(refused, write, pictures):
    shutil.rmtree(pictures / "dog")
    (pictures / "dog").mkdir()
    code, said = refused(write(*FROM_PICTURES))
    assert (code, "dog" in said) == (4, True)


def test_storage_that_cannot_be_written_is_told(refused, small, folder):
    (folder / "runs").write_text("a file")
    code, said = refused(small)
    assert (code, "runs" in said) == (7, True)


def test_debug_shows_the_traceback_of_a_mistake(fittool, write):
    done = fittool("train", write(("small.npz", "missing.npz")), "--debug")
    assert (done.code, "Traceback" in done.err) == (4, True)


def test_bug_shows_a_traceback_and_asks_for_a_report(fittool, small, monkeypatch):
    monkeypatch.setattr("fittool.experiment.session.prepare", lambda *arguments: 1 / 0)
    done = fittool("train", small)
    assert done.code == 1
    assert "ZeroDivisionError" in done.err
    assert "Please report it" in done.err


def test_too_little_memory_says_what_needs_less(fittool, small, monkeypatch):
    def prepare(*arguments):
        raise MemoryError

    monkeypatch.setattr("fittool.experiment.session.prepare", prepare)
    done = fittool("train", small)
    assert (done.code, "fit_generator instead of fit" in done.err) == (6, True)


def test_a_callback_that_cannot_be_made_is_told_at_its_place(refused, write):
    code, told = refused(write(text=f"{SMALL}callbacks:\n  - LearningRateScheduler: {{schedule: 'nomod:f'}}\n"))
    assert code == 3
    assert told.startswith(f"e.yaml:{SMALL.count(chr(10)) + 2}:5: ")


def test_a_class_weight_is_told_at_its_entry(refused, write):
    code, told = refused(write(("train:\n", "train:\n  class_weight:\n    0: 1.0\n    9: 2.0\n")))
    line = SMALL[: SMALL.index("train:\n  epochs")].count("\n") + 4
    assert (code, told.startswith(f"e.yaml:{line}:5: class_weight: there is no class 9.")) == (3, True)
