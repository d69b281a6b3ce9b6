"""Imports point one way, and heavy libraries stay where they belong."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fittool"
MODULES = sorted(PACKAGE.rglob("*.py"))
BASE = {"settings", "rng", "cpu", "process_group", "errors"}
MAY_IMPORT = {
    "version": set(),
    "errors": set(),
    "kernels": {"errors"},
    "rng": {"kernels"},
    "cpu": set(),
    "process_group": {"errors"},
    "distributed": {"cpu", "process_group", "errors"},
    "settings": {"errors"},
    "results": BASE,
    "nn": {"kernels", *BASE},
    "augmentation": {"kernels", *BASE},
    "data": {"augmentation", "nn", *BASE},
    "engines": {"cpu", "kernels", "data", "augmentation", "nn", *BASE},
    "image_data_generator": {"data", "augmentation", *BASE},
    "runs": {"version", *BASE},
    "callbacks": {"runs", "engines", "data", "nn", *BASE},
    "training": {"callbacks", "runs", "engines", "data", "augmentation", "nn", *BASE},
    "report": {"training", "callbacks", "runs", "data", "augmentation", *BASE},
    "config": {"callbacks", "engines", "data", "augmentation", "nn", "version", *BASE},
    "model": {"report", "training", "callbacks", "runs", "engines", "data", "augmentation", "nn", *BASE},
    "exchange": {"runs", "data", "augmentation", "nn", "results", "version", *BASE},
    "experiment": {
        "exchange", "model", "config", "report", "training", "callbacks", "runs", "engines", "cpu", "data", "augmentation", "nn",
        "results", *BASE,
    },
    "scaffold": {"experiment", "config", "exchange", "runs", "data", "nn", *BASE},
    "search": {"experiment", "config", "training", "report", "runs", "callbacks", "cpu", "nn", *BASE},
    "cli": {
        "search", "experiment", "exchange", "distributed", "scaffold", "config", "report", "training", "runs", "engines", "cpu",
        "data", "nn", "version", "results", *BASE,
    },
}  # fmt: skip
"""Each part of the package, with the parts it may know."""
HOMES = {
    "torch": ("engines/torch_engine", "distributed", "exchange"),
    "click": ("cli",),
    "rich": ("training/display/live_progress.py", "experiment/building/loading_progress.py"),
    "matplotlib": ("report",),
    "jinja2": ("report",),
    "h5py": ("exchange",),
    "onnx": ("exchange/onnx_format",),
    "onnxruntime": ("exchange/onnx_format/verify.py",),
    "tensorboard": ("callbacks/tensorboard.py",),
    "mlflow": ("callbacks/trackers/mlflow.py",),
    "wandb": ("callbacks/trackers/wandb_process.py",),
    "optuna": ("search/optuna_search.py",),
    "sqlalchemy": ("search/optuna_search.py",),
    "yaml": ("config",),
    "safetensors": ("runs", "exchange"),
    "PIL": (
        "data",
        "augmentation",
        "report",
        "experiment/preview.py",
        "image_data_generator/flow_options.py",
        "image_data_generator/pictures.py",
    ),
}
"""Libraries that only some places may import."""
SINGLE_FILES = {"__init__", "__main__"}
FACES = {
    "activations", "initializers", "layers", "losses", "metrics", "models", "optimizers", "preprocessing", "regularizers",
    "schedules", "utils",
}  # fmt: skip
"""Keras's names as modules for users, who may ask for any part; within the package nobody does."""


ENGINES = ("numpy_engine", "torch_engine")
"""Folders below `engines` that nobody else names: `engines/registry.py` makes what is in them."""


@cache
def imported(path: Path) -> frozenset[str]:
    """The dotted names of everything a module imports, wherever in the module."""
    return frozenset(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "fittool":
            yield from (f"fittool.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield str(node.module)


def part_of(path: Path) -> str:
    """The first folder below the package, or the module itself."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def named(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_every_part_is_known() -> None:
    assert {part_of(path) for path in MODULES} - SINGLE_FILES - FACES <= set(MAY_IMPORT)


def test_the_parts_form_no_circle() -> None:
    order = list(MAY_IMPORT)
    assert [part for part in order if not MAY_IMPORT[part] <= set(order[: order.index(part)])] == []


def test_imports_point_one_way() -> None:
    wrong = []
    for path in MODULES:
        parts = {name.split(".")[1] for name in imported(path) if name.startswith("fittool.")} - {part_of(path)}
        if part_of(path) not in SINGLE_FILES | FACES:
            wrong += [f"{named(path)} imports {part}" for part in sorted(parts - MAY_IMPORT[part_of(path)])]
    assert wrong == []


@pytest.mark.parametrize("library", HOMES)
def test_library_stays_at_home(library: str) -> None:
    users = {named(path) for path in MODULES if library in {name.split(".")[0] for name in imported(path)}}
    assert {user for user in users if not user.startswith(HOMES[library])} == set()


def test_nobody_outside_of_engines_names_an_engine() -> None:
    names = re.compile(r"numpy_engine|NumpyEngine|torch_engine|TorchEngine")
    users = [path for path in MODULES if part_of(path) != "engines" and names.search(path.read_text(encoding="utf-8"))]
    assert [named(path) for path in users] == []


def test_the_registry_alone_imports_engines() -> None:
    inside = [path for path in MODULES if part_of(path) == "engines" and path.relative_to(PACKAGE).parts[1] not in ENGINES]
    users = {
        named(path)
        for path in inside
        if any(name.startswith(f"fittool.engines.{engine}") for name in imported(path) for engine in ENGINES)
    }
    assert users == {"engines/registry.py"}


def test_no_folder_is_crowded() -> None:
    families = {"callbacks", "nn/layers", "data/sources", "cli"}  # one-file things, listed in their `__init__`
    folders = Counter(path.parent.relative_to(PACKAGE).as_posix() for path in MODULES)
    assert {folder for folder, files in folders.items() if files > 16} <= families


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Neither at once, nor inside of functions, nor for their types alone."""
    known = {dotted(path): path for path in MODULES}
    assert "fittool.training.trainer" in known
    sorter = TopologicalSorter({name: imported_modules(path, known) - {name} for name, path in known.items()})
    sorter.prepare()  # raises CycleError, which names the circle


def dotted(path: Path) -> str:
    """The name under which a file is imported."""
    return ".".join(("fittool", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def imported_modules(path: Path, known: Mapping[str, Path]) -> set[str]:
    """The modules of the package that a file imports anywhere in it; a package only where it takes a name that is no module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {name if (name := f"{node.module}.{one.name}") in known else node.module for one in node.names}
        elif isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
    return found & known.keys()


def test_no_file_is_long() -> None:
    lengths = {path.relative_to(PACKAGE): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {str(path): length for path, length in lengths.items() if length > 400} == {}
