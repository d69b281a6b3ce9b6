from __future__ import annotations

import numpy as np
import yaml
from exchange.foreign_files import weights_file
from PIL import Image

from fittool.runs.checkpoint import load_checkpoint


def pictures(folder):
    random = np.random.default_rng(1)
    for name in ("cat", "dog"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(6):
            Image.fromarray(random.integers(0, 255, (40, 40, 3), np.uint8)).save(folder / "photos" / name / f"{number}.png")


def test_weights_of_a_preset_become_an_experiment(fittool, tmp_path):
    drawn = weights_file(tmp_path / "net.safetensors", "resnet18", "torchvision", classes=7)
    done = fittool("import", "net.safetensors", "--as", "resnet18", "--out", "in")
    assert (done.code, done.out) == (0, "in/experiment.yaml\n")
    assert "loaded, by the names of torchvision" in done.err
    written = yaml.safe_load((tmp_path / "in" / "experiment.yaml").read_text())
    assert written["model"] == {"preset": {"resnet18": {"classes": 7}}}
    assert written["initial_weights"] == {"from": "weights.safetensors"}
    kept = load_checkpoint(tmp_path / "in" / "weights.safetensors").tensors
    assert all(np.array_equal(kept[f"weights/{name}"], array) for name, array in drawn.items())


def test_weights_alone_need_a_preset(fittool, tmp_path):
    weights_file(tmp_path / "net.safetensors", "resnet18", "torchvision")
    done = fittool("import", "net.safetensors", "--out", "in")
    assert done.code == 2
    assert "net.safetensors holds weights alone. Say whose they are: --as PRESET (mobilenet_v2, " in done.err
    assert not (tmp_path / "in").exists()


def test_what_was_imported_is_replaced_with_force_alone(fittool, tmp_path):
    weights_file(tmp_path / "net.safetensors", "resnet18", "torchvision")
    arguments = ("import", "net.safetensors", "--as", "resnet18", "--out", "in")
    assert fittool(*arguments).code == 0
    done = fittool(*arguments)
    assert (done.code, "in/experiment.yaml is there already" in done.err) == (2, True)
    assert fittool(*arguments, "--force").code == 0


def test_an_unknown_preset_and_wrong_sizes_are_told(fittool, tmp_path):
    weights_file(tmp_path / "net.safetensors", "resnet18", "torchvision")
    done = fittool("import", "net.safetensors", "--as", "resnet19", "--out", "in")
    assert (done.code, "--as resnet19" in done.err) == (2, True)
    done = fittool("import", "net.safetensors", "--as", "resnet18", "--out", "in", "--input-shape", "a,b")
    assert (done.code, "whole numbers from 1 with commas between" in done.err) == (2, True)


def test_a_file_that_is_refused_is_exit_5(fittool, tmp_path):
    (tmp_path / "net.safetensors").write_bytes(b"nothing of the kind")
    done = fittool("import", "net.safetensors", "--as", "resnet18", "--out", "in")
    assert done.code == 5
    assert done.err.startswith("net.safetensors: is not a safetensors file")
    assert fittool("import", "gone.pth", "--as", "resnet18", "--out", "in").code == 5


def test_pictures_and_weights_make_an_experiment_that_trains(fittool, tmp_path):
    pictures(tmp_path)
    weights_file(tmp_path / "net.safetensors", "resnet18", "torchvision", classes=9)
    done = fittool("init", "--from", "photos", "--pretrained", "net.safetensors")
    assert done.code == 0, done.err
    written = yaml.safe_load((tmp_path / "experiment.yaml").read_text())
    assert written["model"] == {"preset": "resnet18"}
    assert written["initial_weights"] == {"from": "net.safetensors", "strict": False}
    assert written["fine_tune"]["head_epochs"] == 5
    done = fittool("train", "experiment.yaml", "--smoke", "--set", "data.image.size=[32,32]")
    assert done.code == 0, done.err
    assert "Skipped: fc" in done.err + done.out


def test_a_folder_that_was_imported_can_be_started_from(fittool, tmp_path):
    pictures(tmp_path)
    weights_file(tmp_path / "net.safetensors", "resnet18", "torchvision", classes=9)
    assert fittool("import", "net.safetensors", "--as", "resnet18", "--out", "in").code == 0
    done = fittool("init", "--from", "photos", "--pretrained", "in")
    assert done.code == 0, done.err
    written = yaml.safe_load((tmp_path / "experiment.yaml").read_text())
    assert written["initial_weights"] == {"from": "in/weights.safetensors", "strict": False}


def test_a_run_can_be_started_from_and_keeps_the_classes_that_stay(fittool, tmp_path):
    pictures(tmp_path)
    weights_file(tmp_path / "net.safetensors", "resnet18", "torchvision", classes=9)
    small = ("--set", "data.image.size=[32,32]", "--set", "fine_tune.head_epochs=1", "--set", "fine_tune.epochs=0")
    assert fittool("init", "--from", "photos", "--pretrained", "net.safetensors").code == 0
    done = fittool("train", "experiment.yaml", "--run-dir", "old", *small)
    assert done.code == 0, done.err
    (tmp_path / "photos").rename(tmp_path / "others")
    first, *_ = sorted((tmp_path / "others").iterdir())
    first.rename(tmp_path / "others" / "zebra")
    done = fittool("init", "second.yaml", "--from", "others", "--pretrained", "old")
    assert done.code == 0, done.err
    written = yaml.safe_load((tmp_path / "second.yaml").read_text())
    assert written["initial_weights"] == {"from": "old", "strict": False, "classes": "by_name"}
    done = fittool("train", "second.yaml", "--run-dir", "new", *small)
    assert done.code == 0, done.err
    log = (tmp_path / "new" / "run.log").read_text()
    count = len(list((tmp_path / "others").iterdir()))
    assert f"Of the last layer {count - 1} of {count} classes were taken by name" in log


def test_pretrained_goes_with_pictures_alone(fittool, tmp_path):
    weights_file(tmp_path / "net.safetensors", "resnet18", "torchvision")
    random = np.random.default_rng(1)
    np.savez(tmp_path / "arrays.npz", x=random.normal(size=(60, 5)), y=np.arange(60) % 3)
    assert "goes with the pictures of --from" in fittool("init", "--pretrained", "net.safetensors").err
    done = fittool("init", "--from", "arrays.npz", "--pretrained", "net.safetensors")
    assert (done.code, "goes with a folder of pictures" in done.err) == (2, True)
