"""The reference page: nothing that can be written is missing from it."""

from __future__ import annotations

import pytest

from fittool.config.experiment import Experiment
from fittool.config.reference import reference
from fittool.data.sources import SOURCES
from fittool.data.splits.split_setting import VALIDATION
from fittool.nn.layers import LAYERS
from fittool.nn.layers.wrappers import WRAPPED
from fittool.settings import Family, fields_of
from fittool.settings.lookup import families


@pytest.fixture(scope="module")
def page() -> str:
    return reference()


@pytest.mark.parametrize("family", families(Experiment), ids=lambda family: family.kind)
def test_every_member_has_a_heading_and_every_setting_a_row(page: str, family: Family[object]) -> None:
    headings = (f"{family.kind}s\n", f"{family.kind}es\n")
    (of_family,) = (part for part in page.split("\n## ") if part.casefold().startswith(headings))
    elsewhere = SOURCES.members if family is VALIDATION else LAYERS.members if family is WRAPPED else {}
    for name, cls in family.members.items() - elsewhere.items():
        part = of_family.split(f"\n### {name}\n", 1)[1].split("\n### ", 1)[0]
        assert [field for field in fields_of(cls) if f"\n| `{field}` |" not in part] == []


@pytest.mark.parametrize("section", ["data", "data.image", "augmentation", "model", "compile", "train", "output.checkpoint"])
def test_every_section_has_a_heading(page: str, section: str) -> None:
    assert f"\n## `{section}`\n" in page


def test_a_row_gives_type_default_and_meaning(page: str) -> None:
    assert "| `batch_size` | whole number ≥ 1, ≤ 1,000,000 | `32` | Samples in a batch. |" in page


def test_what_is_needed_says_so(page: str) -> None:
    assert (
        "| `loss` | [loss](#losses) or mapping to [loss](#losses) | needed | What is minimised. For several outputs a mapping by their names. |"  # noqa: E501
        in page
    )
