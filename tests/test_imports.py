"""What is imported when: a light `import fittool`, and a `fittool --help` that needs click alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CONFIGS = Path(__file__).parents[1] / "configs"
REPORT = "import json; print(json.dumps(sorted(set(sys.modules) - before)))"
HELP = """
import fittool.cli
sys.argv = ["fittool", "--help"]
try:
    fittool.cli.main()
except SystemExit as end:
    assert not end.code
"""

DOES_WORK = (
    "fittool.augmentation.augment", "fittool.augmentation.draw", "fittool.augmentation.warp", "fittool.data.cache",
    "fittool.data.formats.npy_format", "fittool.data.images", "fittool.data.loading", "fittool.data.user_code",
    "fittool.data.workers", "fittool.engines.numpy_engine", "fittool.engines.registry", "fittool.engines.training_steps",
    "fittool.experiment", "fittool.image_data_generator", "fittool.model", "fittool.report", "fittool.runs", "fittool.training",
    "PIL", "click", "rich", "safetensors",
)  # fmt: skip
"""What reads data, computes, trains or writes: descriptions of it are in modules that do not import it."""


def imported_by(code: str) -> set[str]:
    """The modules beside the standard library that a fresh Python imports for some code."""
    script = f"import sys; before = set(sys.modules)\n{code}\n{REPORT}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    names = json.loads(done.stdout.splitlines()[-1])
    return {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}


def test_import_fittool_imports_nothing_else() -> None:
    assert imported_by("import fittool") == {"fittool", "fittool.version"}


def test_little_is_imported_before_ctrl_c_is_dealt_with() -> None:
    """Which the program does first of all: in what Python imports before that, Ctrl-C would show where it stands."""
    code = "import sys; before = set(sys.modules)\nimport fittool.__main__\nprint(*sorted(set(sys.modules) - before))"
    path = str(CONFIGS.parent)
    command = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {path!r})\n{code}"]
    names = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert names >= {"fittool", "fittool.version", "fittool.__main__", "signal"}
    assert names & {"typing", "re", "contextlib", "dataclasses", "inspect", "click"} == set()


def test_help_imports_click_alone() -> None:
    names = imported_by(HELP)
    assert {name.split(".")[0] for name in names} == {"click", "fittool"}
    assert {name for name in names if name.startswith("fittool")} == {
        "fittool", "fittool.version", "fittool.cli", "fittool.cli.exit", "fittool.cli.interrupts", "fittool.errors",
    }  # fmt: skip


def test_training_imports_neither_pillow_nor_rich_without_need() -> None:
    code = "import os; os.environ['FITTOOL_VERBOSE'] = '0'; import fittool.experiment, fittool.cli.train"
    assert {"PIL", "rich"} & {name.split(".")[0] for name in imported_by(code)} == set()


def test_reading_an_experiment_imports_descriptions_alone() -> None:
    """Layers, callbacks, sources and engines alike: a module that describes one imports what does the work where it is made."""
    path = CONFIGS / "digits_fit_generator.yaml"
    names = imported_by(f"from fittool.config.experiment_file import load_experiment; load_experiment({str(path)!r})")
    assert {"fittool.callbacks.model_checkpoint", "fittool.data.sources.folder", "fittool.nn.layers.convolution"} <= names
    working = {name for name in names if any(name == part or name.startswith(f"{part}.") for part in DOES_WORK)}
    names_of_files, description_of_engines = (
        {"fittool.runs", "fittool.runs.paths"},
        {"fittool.engines", "fittool.engines.settings"},
    )
    names_of_images = {"fittool.data.images", *(f"fittool.data.images.image_{what}" for what in ("names", "folders", "lookup"))}
    assert working - names_of_files - description_of_engines - names_of_images == set()


CHECK = """
import sys
import fittool.cli
sys.argv = ["fittool", *{arguments!r}]
try:
    fittool.cli.main()
except SystemExit as end:
    assert not end.code
"""
NOT_FOR_A_CHECK = {
    "fittool.callbacks.csv_logger", "fittool.callbacks.tensorboard", "fittool.callbacks.trackers",
    "fittool.config.optional_sections.sweep", "fittool.data.workers.process_pool",
    "fittool.engines.numpy_engine.engine", "fittool.engines.torch_engine", "fittool.exchange", "fittool.experiment.evaluate",
    "fittool.experiment.session", "fittool.kernels.library", "fittool.model.model", "fittool.nn.layers.recurrent",
    "fittool.nn.layers.wrappers", "fittool.nn.presets.field", "fittool.report", "fittool.results", "fittool.runs.directory",
    "fittool.training.trainer", "rich", "safetensors", "torch",
}  # fmt: skip
"""What no check of a shipped experiment needs."""
FOR_PICTURES = {"fittool.augmentation.augment", "fittool.data.images.decoding", "PIL"}
FOR_TABLES = {
    "fittool.data.formats.csv_table", "fittool.data.sources.csv_reader", "fittool.data.tables.encoder",
    "fittool.data.typed_tables",
}  # fmt: skip


def named(names: set[str], parts: set[str]) -> set[str]:
    """Those of some modules, or of what is in them, that are imported."""
    return {part for part in parts if any(name == part or name.startswith(f"{part}.") for name in names)}


@pytest.mark.parametrize(
    ("config", "needless"),
    [
        (
            "digits_fit.yaml",
            FOR_PICTURES | FOR_TABLES | {"fittool.augmentation.settings", "fittool.callbacks.early_stopping", "numpy.ma"},
        ),
        ("digits_fit_generator.yaml", FOR_TABLES),
        ("penguins.yaml", FOR_PICTURES | {"fittool.augmentation.settings", "fittool.data.sources.folder"}),
        ("regression.yaml", FOR_PICTURES | {"fittool.augmentation.settings", "fittool.nn.layers.convolution"}),
    ],
)
def test_check_imports_what_an_experiment_names(config: str, needless: set[str]) -> None:
    names = imported_by(CHECK.format(arguments=["check", str(CONFIGS / config)]))
    assert "fittool.experiment.check" in names
    assert named(names, NOT_FOR_A_CHECK | needless) == set()


def test_training_imports_what_an_experiment_names(tmp_path: Path) -> None:
    """Neither what goes on with runs, nor what reads and draws them, nor layers, sources and sections that are not named."""
    arguments = ["train", str(CONFIGS / "digits_fit.yaml"), "--set", "train.epochs=1", "--set", "output.report=false"]
    options = ["--set", "train.view_metrics=false", "--run-dir", str(tmp_path / "run")]
    names = imported_by(CHECK.format(arguments=[*arguments, *options]))
    assert "fittool.training.trainer" in names
    needless = {
        "fittool.augmentation.settings", "fittool.callbacks.trackers", "fittool.exchange", "fittool.experiment.evaluate",
        "fittool.experiment.pretrained.initial_weights", "fittool.experiment.reporting.report",
        "fittool.experiment.resuming.resume", "fittool.nn.layers.recurrent", "fittool.nn.presets.field", "fittool.report.pages",
        "rich", "torch",
    }  # fmt: skip
    assert named(names, FOR_PICTURES | FOR_TABLES | needless) == set()


def test_sections_that_a_file_does_without_are_not_described() -> None:
    """A class that is described has a validator of its own, which takes longer to make than the file to read."""
    path = str(CONFIGS / "digits_fit.yaml")
    code = f"""
from fittool.config.experiment_file import load_experiment
load_experiment({path!r})
from fittool.settings.first_use import _COMPLETED_NAMES, CompletedAtFirstUse
from fittool.nn import losses, optimizers
waiting = [cls for module in (losses, optimizers) for cls in vars(module).values() if isinstance(cls, CompletedAtFirstUse)]
before.update(cls.__name__ for cls in waiting if type(vars(cls).get(_COMPLETED_NAMES[0])).__name__ == "_Waiting")
sys.modules = dict.fromkeys(before)
before = set()
"""
    names = imported_by(code)
    assert {"Huber", "SGD", "Nadam"} <= names and names & {"Adam", "SparseCategoricalCrossentropy"} == set()
