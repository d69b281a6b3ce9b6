"""Functions from a user's file: how they are found, called and blamed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from fittool.data.loading.generator_loader import GeneratorLoader
from fittool.data.sources import PythonSource, SourceContext
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import ExperimentError, UserCodeError

BATCHES = """
from __future__ import annotations
import dataclasses
import numpy as np

@dataclasses.dataclass
class Settings:
    size: int

def batches(count: int = 3, size: int = 2):
    for number in range(count):
        yield np.full((size, 2), number, np.float64), np.zeros(size, np.int32)

def broken():
    yield np.zeros((2, 2)), np.zeros(2)
    raise KeyError("no such row")

def leaves():
    import sys
    sys.exit(3)
    yield
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "my_data.py"
    path.write_text(BATCHES)
    return path


def opened(module: Path, function: str = "my_data:batches", **arguments: object) -> GeneratorData:
    source = PythonSource(function=function, **arguments)  # type: ignore[arg-type]
    return source.open(SourceContext(base_directory=module.parent))


@pytest.mark.parametrize("name", ["my_data", "my_data.py", "{folder}/my_data.py"])
def test_the_module_is_a_file_beside_the_experiment(module: Path, name: str) -> None:
    batches = opened(module, f"{name.format(folder=module.parent)}:batches")
    assert batches.name == ("my_data:batches" if name == "my_data" else "my_data.py:batches")
    assert batches.input_shapes == {"input": (2,)}
    assert len(list(batches.one_pass(0))) == 3


def test_the_import_path_and_the_folder_stay_as_they_were(module: Path) -> None:
    before = list(sys.path)
    opened(module)
    assert sys.path == before
    assert sorted(path.name for path in module.parent.iterdir()) == ["my_data.py"]


def test_arguments_are_passed_on(module: Path) -> None:
    assert len(list(opened(module, arguments={"count": 5}).one_pass(0))) == 5


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        ("my_data", {}, "must have the form module:function"),
        ("other:batches", {}, r"There is no file .*other.py for 'other:batches'"),
        ("my_data:batchs", {}, r"has no function batchs. Did you mean batches\?"),
        ("my_data:batches", {"sizes": 3}, r"unexpected keyword argument 'sizes'. Did you mean size\?"),
    ],
)
def test_what_is_not_there_is_an_error_of_the_experiment(
    module: Path, function: str, arguments: dict[str, object], text: str
) -> None:
    with pytest.raises(ExperimentError, match=text):
        opened(module, function, arguments=arguments)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("import nowhere_to_be_found\n", r"my_data.py:1: .*my_data.py cannot be loaded: ModuleNotFoundError"),
        ("x = 1\n\ny = x / 0\n", r"my_data.py:3: .*ZeroDivisionError"),
        ("x = 1\ndef f(:\n", r"my_data.py:2: .*SyntaxError"),
        ("raise SystemExit(0)\n", r"my_data.py:1: .*SystemExit"),
    ],
)
def test_a_file_that_cannot_be_run_is_blamed_by_line(module: Path, content: str, text: str) -> None:
    module.write_text(content)
    with pytest.raises(UserCodeError, match=text):
        opened(module)


def test_an_exception_is_blamed_by_line_and_batch(module: Path) -> None:
    with pytest.raises(
        UserCodeError, match=r"my_data.py:16: my_data:broken failed in batch 2 of pass 1: KeyError: 'no such row'"
    ):
        list(opened(module, "my_data:broken").one_pass(0))


def test_leaving_is_blamed_too(module: Path) -> None:
    with pytest.raises(UserCodeError, match=r"my_data.py:20: .*SystemExit: 3"):
        list(opened(module, "my_data:leaves").one_pass(0))


def test_numbers_are_kept_by_the_rules_for_arrays(module: Path) -> None:
    batch = opened(module).first
    assert batch.inputs[0].dtype == np.float32
    assert batch.targets[0].dtype == np.int64


@pytest.mark.parametrize("name", ["KeyboardInterrupt", "GeneratorExit"])
def test_what_would_end_the_program_is_blamed_where_a_worker_does_it(module: Path, name: str) -> None:
    module.write_text(f"def batches(count=1):\n    yield [[0.0]], [0]\n    raise {name}\n")
    loader = GeneratorLoader(opened(module), workers=1)
    with pytest.raises(UserCodeError, match=rf"my_data.py:3: my_data:batches failed in batch 2 of pass 1: {name}"):
        list(loader.batches(0))
