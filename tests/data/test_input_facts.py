"""What each input was like that was learnt from, and how a run keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fittool.data.dataset import ArrayDataset, Subset
from fittool.data.input_facts import InputFacts, facts_from, facts_of, in_words
from fittool.data.sources import NpySource, PythonSource, SourceContext

IMAGE = InputFacts("input", (2, 3, 1), "float32", 0.0, 0.5, False, "arrays")


def test_facts_of_arrays() -> None:
    x = np.linspace(0, 0.5, 24, dtype=np.float32).reshape(4, 2, 3, 1)
    assert facts_of(ArrayDataset(x)) == (IMAGE,)


def test_a_part_has_the_range_of_its_own_samples() -> None:
    x = np.arange(40, dtype=np.uint8).reshape(10, 4)
    (fact,) = facts_of(Subset(ArrayDataset(x), np.array([1, 3])))
    assert (fact.lowest, fact.highest, fact.dtype, fact.whole) == (4, 15, "uint8", True)


def test_arrays_on_disk_are_looked_at(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(32, dtype=np.int32).reshape(2, 4, 4) - 7)
    (fact,) = facts_of(NpySource(str(tmp_path / "x.npy")).open(SourceContext(class_mode=None)))
    assert (fact.lowest, fact.highest, fact.dtype, fact.shape) == (-7, 24, "float32", (4, 4, 1))


def test_of_a_function_the_first_batch_counts(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import numpy as np\ndef batches():\n    for n in (1, 5):\n        yield np.full((2, 4, 4, 1), n / 5), np.zeros(2)\n"
    )
    data = PythonSource(function="mine:batches").open(SourceContext(base_directory=tmp_path))
    (fact,) = facts_of(data)
    assert fact.highest == pytest.approx(0.2)
    assert in_words([fact]) == ["inputs: images 4 x 4 (height x width), 1 channel, pixels 0.2 to 0.2 in the first batch"]


def test_what_is_kept_comes_back() -> None:
    facts = (IMAGE, InputFacts("features", (4,), "float32", -1.5, 2.0, False, "arrays"))
    assert facts_from(json.loads(json.dumps([fact.plain() for fact in facts]))) == facts


@pytest.mark.parametrize(
    "change",
    [
        {"lowest": "0"},
        {"highest": float("nan")},
        {"lowest": True},
        {"channels": 0},
        {"size": [2]},
        {"size": None},
        {"dtype": "object"},
        {"origin": "elsewhere"},
        {"name": None},
        {"whole": 1},
        {"kind": "array"},
    ],
    ids=str,
)
def test_anything_else_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not what fittool wrote"):
        facts_from([IMAGE.plain() | change])


@pytest.mark.parametrize("plain", [None, {}, ["a"]])
def test_no_list_of_inputs(plain: object) -> None:
    with pytest.raises(ValueError, match="no list of inputs"):
        facts_from(plain)


def test_several_inputs_are_told_by_name() -> None:
    told = in_words([IMAGE, InputFacts("words", (7,), "float32", 0, 9, True, "arrays")])
    assert told == [
        "input: images 2 x 3 (height x width), 1 channel, pixels 0 to 0.5",
        "words: arrays of shape (7,), values 0 to 9",
    ]
