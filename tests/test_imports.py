"""What is imported when: a light `import fittool`, and a `fittool --help` that needs click alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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
