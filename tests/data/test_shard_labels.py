"""The labels of shards: endings, and entries of JSON files."""

from __future__ import annotations

import pytest

from fittool.data.formats.shard_index import LabelForm


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("cls", LabelForm("cls")),
        (".CLS", LabelForm("cls")),
        ("seg.cls", LabelForm("seg.cls")),
        ("json", LabelForm("json")),
        ("JSON.Label", LabelForm("json", ("Label",))),
        ("json.a.b", LabelForm("json", ("a", "b"))),
        ("jsonl.a", LabelForm("jsonl.a")),
    ],
)
def test_what_is_written(written: str, form: LabelForm) -> None:
    assert LabelForm.parse(written) == form
