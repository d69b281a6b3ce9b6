"""The YAML writer: whatever it writes reads back as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fittool.config.yaml.environment_variables import filled
from fittool.config.yaml.reader import read_text
from fittool.config.yaml.source_map import Source
from fittool.config.yaml.writer import flow_text, yaml_text

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.sampled_from(
    ["null", "true", "010", "1e3", "${ENV:X}", "a: b", "- a", "# c", "~", "", " x ", "it's", '"', "\\", "\u2028", "😀", "\x85"]
)
KEYS = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=8).filter(lambda key: key != "<<")
SCALARS = st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
DATA = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20)


def read(text: str) -> object:
    return filled(read_text(text, Source("r.yaml", tuple(text.split("\n")), "/")).root, {}).data()


@given(st.dictionaries(KEYS, DATA, max_size=5))
def test_block_text_reads_back(data: dict[str, object]) -> None:
    assert read(yaml_text(data)) == data


@given(DATA)
def test_flow_text_reads_back(data: object) -> None:
    assert read(flow_text(data)) == data


def test_layout() -> None:
    data = {"name": "a", "model": {"layers": [{"Dense": {"units": 3}}, "Flatten"]}, "callbacks": []}
    assert yaml_text(data) == "name: a\nmodel:\n  layers: [{Dense: {units: 3}}, Flatten]\ncallbacks: []\n"
