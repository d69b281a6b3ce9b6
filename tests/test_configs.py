"""Every ready experiment loads, says what it shows, and trains."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.cases.runner import here

from fittool.config.experiment_file import load_experiment
from fittool.config.reference import reference
from fittool.settings import plain

FOLDER = Path(__file__).parents[1] / "configs"
EXPERIMENTS = sorted(FOLDER.rglob("*.yaml"))
every_experiment = pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)


def test_there_are_experiments() -> None:
    assert {"digits_fit", "digits_fit_generator", "classic_fit_generator", "smoke"} < {path.stem for path in EXPERIMENTS}


@every_experiment
def test_it_opens_with_what_it_shows(path: Path) -> None:
    first, second = path.read_text(encoding="utf-8").splitlines()[:2]
    assert first.startswith("# ")
    assert len(first) > 40
    assert second.startswith(("# ", "name: "))


@every_experiment
def test_it_loads_without_a_warning(path: Path) -> None:
    loaded = load_experiment(path)
    assert loaded.warnings == ()
    assert loaded.experiment.name == path.stem.replace("_", "-")


@every_experiment
def test_smoke_run_succeeds_and_leaves_nothing(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = here(["train", "--smoke", "--verbose", "2", *_on_the_processor(path), str(path)])
    assert (done.code, done.out) == (0, "")
    assert "warning" not in done.err
    assert list(tmp_path.iterdir()) == []


def _on_the_processor(path: Path) -> list[str]:
    """What lets an experiment for graphics cards take two steps of a few samples here."""
    if path.parent.name != "gpu":
        return []
    pytest.importorskip("torch")
    return ["--set", "engine.torch.device=cpu", "--set", "engine.torch.precision=float32", "--set", "train.batch_size=2"]


def test_both_digits_experiments_train_the_same_network() -> None:
    fit, generator = (load_experiment(FOLDER / name).experiment for name in ("digits_fit.yaml", "digits_fit_generator.yaml"))
    assert plain(fit.model) == plain(generator.model)
    assert plain(fit.compile) == plain(generator.compile)


def test_classic_experiment_has_the_arguments_of_the_tutorial() -> None:
    experiment = load_experiment(FOLDER / "classic_fit_generator.yaml").experiment
    written = {"rotation_range": 20, "zoom_range": 0.15, "width_shift_range": 0.2, "height_shift_range": 0.2}
    written |= {"shear_range": 0.15, "horizontal_flip": True, "fill_mode": "nearest"}
    assert written.items() <= plain(experiment.augmentation).items()
    assert (experiment.train.epochs, experiment.train.batch_size) == (100, 32)


def test_reference_page_is_the_generated_one() -> None:
    assert (FOLDER / "REFERENCE.md").read_text(encoding="utf-8") == reference()
