"""What settings do to a training, seen in the weights and rows of whole runs."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from arrays import read_arrays
from cli.commands import FROM_GENERATOR, FROM_PICTURES, GENERATOR, weights
from PIL import Image

from fittool.data.dataset import ArrayDataset
from fittool.data.images import image_files
from fittool.errors import shown
from fittool.experiment.building.class_counts import class_counts

NO_SPLIT = ("  validation_split: 0.25\n", "")


def rows(done):
    assert done.code == 0, done.err
    return done.run.metrics.rows()


def network(run):
    """The bytes of the weights alone."""
    return {name: content for name, content in weights(run).items() if name.startswith("weights/")}


@pytest.fixture
def train(fittool):
    """Train, and give the finished command."""

    def train(path, *settings):
        done = fittool("train", path, *(argument for setting in settings for argument in ("--set", setting)))
        assert done.code == 0, done.err
        return done

    return train


class TestPythonSource:
    @pytest.fixture
    def mine(self, write):
        """Write mine.py, and an experiment on a function in it."""

        def mine(text=GENERATOR, *changes):
            write(text=text, name="mine.py")
            return write(*FROM_GENERATOR, *changes)

        return mine

    def test_generator_is_begun_anew_each_pass(self, train, mine):
        run = train(mine()).run
        assert run.checkpoints.load("last.safetensors").facts.step == 10

    def test_arguments_are_passed(self, train, mine):
        run = train(mine(GENERATOR, ('"mine:batches"', '"mine:batches", arguments: {count: 3}'))).run
        assert run.checkpoints.load("last.safetensors").facts.step == 6

    def test_samples_say_how_long_a_pass_is(self, train, mine):
        endless = GENERATOR.replace("for _ in range(count)", "while True")
        run = train(mine(endless, ('"mine:batches"', '"mine:batches", samples: 32'))).run
        assert run.checkpoints.load("last.safetensors").facts.step == 8

    def test_endless_generator_with_steps(self, train, mine):
        endless = GENERATOR.replace("for _ in range(count)", "while True")
        assert train(mine(endless), "train.steps_per_epoch=3").run.checkpoints.load("last.safetensors").facts.step == 6

    def test_finite_generator_with_fewer_batches_than_steps_names_both(self, fittool, mine):
        done = fittool("train", mine(), "--set", "train.steps_per_epoch=7")
        assert done.code == 10
        assert "The training data in epoch 1 ended after 5 of 7 batches." in done.err

    def test_sequence_gives_what_the_same_generator_gives(self, train, mine):
        generated = train(mine()).run
        text = (
            GENERATOR
            + """\

class Batches:
    def __init__(self):
        self.all = list(batches())

    def __len__(self):
        return len(self.all)

    def __getitem__(self, number):
        return self.all[number]
"""
        )
        run = train(mine(text, ("mine:batches", "mine:Batches"))).run
        assert weights(run) == weights(generated)

    def test_number_of_workers_changes_nothing(self, train, mine):
        path = mine()
        runs = [train(path, f"train.workers={workers}").run for workers in (0, 1, 4)]
        assert weights(runs[0]) == weights(runs[1]) == weights(runs[2])

    def test_finite_generator_in_mode_fit_trains_alike(self, train, mine):
        path = mine()
        assert weights(train(path).run) == weights(train(path, "train.mode=fit").run)

    def test_generator_validates(self, train, mine):
        path = mine(
            GENERATOR, ("model:\n", '  validation: {python: {function: "mine:batches", arguments: {count: 2}}}\nmodel:\n')
        )
        run = train(path).run
        assert all("val_loss" in row for row in run.metrics.rows())

    def test_weights_that_are_0_teach_nothing(self, train, mine):
        text = GENERATOR.replace("% classes", "% classes, np.zeros(8)")
        run = train(mine(text, ("adam", "sgd"))).run
        kernels = run.checkpoints.load("last.safetensors").tensors["weights/dense/kernel"]
        other = train(mine(text, ("adam", "sgd")), "train.epochs=5").run.checkpoints.load("last.safetensors")
        assert np.array_equal(kernels, other.tensors["weights/dense/kernel"])

    def test_path_of_imports_is_left_alone(self, fittool, mine):
        mine()
        done = fittool("train", mine("import sys\nassert not any(p.startswith(__file__[:-8]) for p in sys.path)\n" + GENERATOR))
        assert done.code == 0, done.err

    def test_batch_of_another_shape_is_refused(self, fittool, mine):
        text = GENERATOR.replace("(8, 6, 6, 1)", "(8, 6, 6 + _, 1)")
        done = fittool("train", mine(text))
        assert done.code == 10
        assert "mine.py:batches, batch 2: inputs are float32 (6, 7, 1) a sample, but those of the first batch" in done.err


class TestWeightsOfSamplesAndClasses:
    def test_class_by_name_and_by_number_are_the_same(self, train, write, pictures):
        path = write(*FROM_PICTURES)
        by_name, by_number = (train(path, f"train.class_weight={{{key}: 3.0}}").run for key in ("dog", "1"))
        assert weights(by_name) == weights(by_number) != weights(train(path).run)

    def test_balanced_weighs_rare_classes_more(self, train, write, pictures):
        for number in range(4):
            (pictures / "dog" / f"{number}.png").unlink()
        path = write(*FROM_PICTURES, NO_SPLIT)
        balanced = train(path, "train.class_weight=balanced").run
        by_hand = train(path, f"train.class_weight={{cat: {8 / 12}, dog: {8 / 4}}}").run
        assert weights(balanced) == weights(by_hand) != weights(train(path).run)

    def test_balanced_with_equal_classes_changes_nothing(self, train, write):
        path = write(NO_SPLIT)
        assert weights(train(path).run) == weights(train(path, "train.class_weight=balanced").run)

    def test_weight_of_0_takes_samples_out_of_an_npz(self, train, write, folder):
        path = write(
            ("path: small.npz", "path: weighted.npz, sample_weight: w"), NO_SPLIT, ("rate: 0.25", "rate: 0"), ("adam", "sgd")
        )
        images, labels = read_arrays("small.npz").values()
        runs = []
        for noise in (0, 1):
            labels[40:] = (labels[40:] + noise) % 3
            np.savez("weighted.npz", x=images, y=labels, w=np.r_[np.ones(40), np.zeros(8)])
            runs.append(train(path).run)
        assert network(runs[0]) == network(runs[1])

    def test_weight_column_of_a_table(self, train, write):
        chance = np.random.default_rng(3)
        values = chance.random((40, 2)).round(3)
        results = []
        for wrong in (0, 1):
            lines = [f"{a},{b},{int(a > b) ^ (wrong and i >= 30)},{int(i < 30)}" for i, (a, b) in enumerate(values)]
            write(text="\n".join(["a,b,y,w", *lines]) + "\n", name="table.csv")
            changes = ("npz: {path: small.npz}", "csv: {path: table.csv, label: y, weight: w}"), NO_SPLIT
            layers = (
                "    - Rescaling: {scale: 1/255}\n    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}\n    - Flatten\n",
                "",
            )
            results.append(train(write(*changes, layers, ("units: 3", "units: 2"), ("adam", "sgd"))).run)
        assert network(results[0]) == network(results[1])
        assert results[0].checkpoints.load("last.safetensors").tensors["weights/dense/kernel"].shape == (2, 2)


class TestSplit:
    def test_last_part_of_arrays_is_validated_on(self, train, write):
        path = write()
        images, labels = read_arrays("small.npz").values()
        np.savez("first.npz", x=images[:36], y=labels[:36])
        np.savez("last.npz", x=images[36:], y=labels[36:])
        apart = write(
            ("  train: {npz: {path: small.npz}}", "  train: {npz: {path: first.npz}}\n  validation: {npz: {path: last.npz}}"),
            NO_SPLIT,
            name="apart.yaml",
        )
        assert weights(train(path).run) == weights(train(apart).run)
        assert [row["val_loss"] for row in rows(train(path))] == [row["val_loss"] for row in rows(train(apart))]

    @pytest.mark.parametrize("mode", ["fit", "fit_generator"])
    def test_last_part_of_each_class_of_a_folder_is_validated_on(self, train, write, pictures, mode):
        path = write(*FROM_PICTURES, ("validation_split: 0.25", "validation_split: 0.5"))
        split = train(path, f"train.mode={mode}").run
        for name in ("cat", "dog"):
            (pictures.parent / "rest" / name).mkdir(parents=True)
            for number in (3, 4, 5):
                (pictures / name / f"{number}.png").rename(pictures.parent / "rest" / name / f"{number}.png")
        apart = write(*FROM_PICTURES, ("path: pictures}}", "path: pictures}}\n  validation: {folder: {path: rest}}"), NO_SPLIT)
        assert weights(split) == weights(train(apart, f"train.mode={mode}").run)

    def test_class_that_is_left_out_is_a_warning(self, fittool, write):
        path = write()
        images, labels = read_arrays("small.npz").values()
        np.savez("small.npz", x=images, y=np.sort(labels))
        done = fittool("train", path)
        assert "warning: e.yaml:19:3: " in done.err

    def test_order_of_the_validation_data_does_not_depend_on_workers(self, train, write, pictures):
        path = write(*FROM_PICTURES, ("validation_split: 0.25", "validation_split: 0.5"))
        first, second = (rows(train(path, "train.mode=fit_generator", f"train.workers={workers}")) for workers in (0, 3))
        assert [row["val_loss"] for row in first] == [row["val_loss"] for row in second]


class TestNormalization:
    RESCALING = ("Rescaling: {scale: 1/255}", "Normalization")

    def test_it_adapts_to_the_training_part_alone(self, train, write):
        run = train(write(self.RESCALING)).run
        seen = read_arrays("small.npz")["x"][:36].astype(np.float64)
        tensors = run.checkpoints.load("best.safetensors").tensors
        assert np.allclose(tensors["weights/normalization/mean"], seen.mean(), rtol=1e-6)
        assert np.allclose(tensors["weights/normalization/variance"], seen.var(), rtol=1e-6)

    def test_it_sees_the_same_in_both_modes(self, train, write, pictures):
        path = write(*FROM_PICTURES, self.RESCALING)
        assert weights(train(path).run) == weights(train(path, "train.mode=fit_generator").run)

    def test_given_mean_is_taken_off(self, train, write):
        images, labels = read_arrays(write().parent / "small.npz").values()
        runs = []
        for shift in (0, 10):
            np.savez("small.npz", x=images.astype(np.float32) + shift, y=labels)
            path = write(("Rescaling: {scale: 1/255}", f"Normalization: {{mean: {50 + shift}, variance: 4096}}"))
            runs.append(train(path).run)
        assert weights(runs[0])["weights/dense/kernel"] == weights(runs[1])["weights/dense/kernel"]

    def test_second_layer_sees_what_the_first_makes(self, train, write):
        path = write(("Rescaling: {scale: 1/255}", "Rescaling: {scale: 1/255, offset: 3}\n    - Normalization"))
        tensors = train(path).run.checkpoints.load("last.safetensors").tensors
        seen = read_arrays("small.npz")["x"][:36] / 255 + 3
        assert np.allclose(tensors["weights/normalization/mean"], seen.mean(), rtol=1e-5)

    def test_generator_without_an_end_cannot_be_adapted_to(self, fittool, write):
        write(text=GENERATOR, name="mine.py")
        done = fittool("train", write(*FROM_GENERATOR, self.RESCALING))
        assert (done.code, "e.yaml:7:7: A Normalization layer cannot adapt to a generator." in done.err) == (3, True)


class TestSteps:
    def test_explicit_steps_go_on_where_the_last_epoch_stopped(self, train, write):
        path = write(NO_SPLIT)
        long = train(path, "train.mode=fit_generator", "train.epochs=2").run
        short = train(path, "train.mode=fit_generator", "train.epochs=4", "train.steps_per_epoch=3").run
        assert weights(long)["weights/dense/kernel"] == weights(short)["weights/dense/kernel"]

    def test_more_steps_than_a_pass_begin_the_next_pass(self, train, write):
        path = write(NO_SPLIT)
        passes = train(path, "train.mode=fit_generator", "train.epochs=2").run
        epoch = train(path, "train.mode=fit_generator", "train.epochs=1", "train.steps_per_epoch=12").run
        assert weights(passes)["weights/dense/kernel"] == weights(epoch)["weights/dense/kernel"]

    def test_validation_steps_take_the_first_batches(self, train, write):
        path = write()
        images, labels = read_arrays("small.npz").values()
        few = rows(train(path, "train.validation_steps=1"))
        np.savez("small.npz", x=images[:44], y=labels[:44])
        exact = rows(train(path, f"train.validation_split={8 / 44}"))
        assert few[0]["val_loss"] == exact[0]["val_loss"]

    def test_initial_epoch_counts_as_done(self, train, write):
        run = train(write(), "train.initial_epoch=3", "train.epochs=5").run
        assert [row["epoch"] for row in run.metrics.rows()] == [4, 5]
        assert run.checkpoints.load("last.safetensors").facts.epoch == 5

    def test_without_shuffling_every_epoch_has_the_order_of_the_file(self, train, write):
        path = write(("rate: 0.25", "rate: 0"))
        fixed = [
            train(path, "train.shuffle=false", f"seed={seed}", "train.epochs=1", "train.batch_size=36").run for seed in (1, 2)
        ]
        assert fixed[0].read_environment()["data"] == fixed[1].read_environment()["data"]
        assert weights(train(path, "train.shuffle=false").run) != weights(train(path).run)


class TestCallbacks:
    def test_early_stopping_ends_the_run(self, train, write):
        path = write(("train:\n", "callbacks: [EarlyStopping: {monitor: loss, patience: 2, mode: max}]\ntrain:\n"))
        done = train(path, "train.epochs=50")
        assert done.run.read_status().state == "stopped"
        assert "loss has not improved for 2 epochs" in done.err
        assert len(done.run.metrics.rows()) < 50

    def test_restored_weights_are_those_of_the_best_epoch_while_last_goes_on(self, train, write):
        stopping = "EarlyStopping: {monitor: val_loss, patience: 1, restore_best_weights: true}"
        path = write(("train:\n", f"callbacks: [{stopping}]\ntrain:\n"), ("adam", "{SGD: {learning_rate: 0.3}}"))
        run = train(path, "train.epochs=30").run
        assert run.checkpoints.load("best.safetensors").facts.epoch == run.read_status().best["epoch"]
        assert run.checkpoints.load("last.safetensors").facts.epoch == len(run.metrics.rows())

    def test_plateau_lowers_the_learning_rate(self, train, write):
        plateau = "ReduceLROnPlateau: {monitor: loss, mode: max, patience: 1, factor: 0.5, min_delta: 100}"
        run = train(write(("train:\n", f"callbacks: [{plateau}]\ntrain:\n")), "train.epochs=4").run
        rates = [row["learning_rate"] for row in run.metrics.rows()]
        assert rates[0] == pytest.approx(0.001)
        assert rates[-1] < 0.0006

    def test_csv_logger_writes_into_the_run_directory(self, train, write, folder):
        run = train(write(("train:\n", "callbacks: [CSVLogger: {filename: log.csv}]\ntrain:\n"))).run
        with open(run.path / "log.csv", newline="") as file:
            table = list(csv.DictReader(file))
        assert [float(row["val_loss"]) for row in table] == [row["val_loss"] for row in run.metrics.rows()]
        assert not (folder / "log.csv").exists()

    def test_checkpoint_callback_chooses_the_best_epoch(self, train, write):
        checkpoint = "ModelCheckpoint: {monitor: loss, mode: max, save_best_only: true}"
        run = train(write(("train:\n", f"callbacks: [{checkpoint}]\ntrain:\n")), "train.epochs=4").run
        losses = [row["loss"] for row in run.metrics.rows()]
        assert run.checkpoints.load("best.safetensors").facts.epoch == 1 + losses.index(max(losses))


class TestClassCounts:
    def test_training_begins_with_how_many_samples_each_class_has(self, train, write, pictures):
        done = train(write(*FROM_PICTURES))
        assert done.err.startswith("classes: cat 4, dog 4\n")
        assert "classes: cat 4, dog 4\n" in done.run.paths.log.read_text()

    def test_many_classes_are_cut_short(self):
        data = ArrayDataset(np.zeros((30, 1)), (np.arange(30),))
        counts = class_counts(data, [f"c{number}" for number in range(30)])
        assert counts.endswith("c18 1, c19 1 and 10 more")


class TestDiskCache:
    def test_place_and_size_are_told(self, fittool, train, write, pictures, folder, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        path = write(*FROM_PICTURES, ("train:\n", "train:\n  mode: fit_generator\n"))
        checked = fittool("check", "--data", path, "--set", "data.cache=disk").out.splitlines()[-1]
        assert not (folder / "cache").exists()
        told = train(path, "data.cache=disk").err.splitlines()[2]
        assert told == checked.strip()
        (file,) = (folder / "cache" / "fittool").iterdir()
        assert told == f"cache: 1 MiB in {shown(file)}"

    def test_nothing_is_told_without_it(self, train, write, pictures):
        assert "cache: " not in train(write(*FROM_PICTURES), "data.cache=disk").err.replace("data.cache", "")


class TestBadFiles:
    def test_skipped_files_are_told_and_listed_in_the_run(self, train, write, pictures):
        for name in ("cat/2.png", "dog/5.png"):
            (pictures / name).write_bytes((pictures / name).read_bytes()[:60])
        done = train(write(*FROM_PICTURES), "data.on_bad_file=skip")
        listed = done.run.paths.skipped.read_text().splitlines()
        assert [line.split("pictures/")[1].split(":")[0] for line in listed] == ["cat/2.png", "dog/5.png"]
        assert "2 files are left out." in done.err

    def test_damaged_exif_is_counted_where_all_is_read_at_the_start(self, train, write, pictures):
        for name in ("cat/2.png", "dog/5.png"):
            Image.open(pictures / name).save(pictures / name, exif=b"Exif\0\0nonsense")
        said = train(write(*FROM_PICTURES)).err.splitlines()[0]
        assert said.startswith("warning: 2 files have damaged EXIF data")
        assert said.endswith("cat/2.png, …")

    def test_run_without_bad_files_has_no_list(self, train, write, pictures):
        assert not train(write(*FROM_PICTURES), "data.on_bad_file=skip").run.paths.skipped.exists()

    def test_skipping_is_as_if_the_file_were_not_there(self, train, write, pictures):
        path = write(*FROM_PICTURES)
        (pictures / "cat" / "2.png").write_bytes(b"text")
        skipped = train(path, "data.on_bad_file=skip").run
        (pictures / "cat" / "2.png").unlink()
        assert weights(skipped) == weights(train(path).run)


class TestCache:
    def test_files_are_decoded_once(self, fittool, write, pictures, monkeypatch):
        decoded = []
        real = image_files.read_image
        monkeypatch.setattr(image_files, "read_image", lambda path, *more: decoded.append(path) or real(path, *more))
        path = write(*FROM_PICTURES, NO_SPLIT)
        counts = {}
        for cache in ("ram", "none"):
            decoded.clear()
            fittool("train", path, "--set", "train.mode=fit_generator", "--set", f"data.cache={cache}", "--set", "train.epochs=4")
            counts[cache] = max(decoded.count(name) for name in set(decoded) if not name.endswith("cat/0.png"))
        assert counts["ram"] == 1
        assert counts["none"] >= 4
