"""`${ENV:NAME}` in values."""

from __future__ import annotations

import pytest

from fittool.config.yaml.environment_variables import filled, protect
from fittool.config.yaml.reader import read_text
from fittool.config.yaml.source_map import Source
from fittool.errors import ExperimentError

VARIABLES = {"EPOCHS": "12", "DATA": "/srv/data", "EMPTY": ""}


def fill(text: str) -> object:
    return filled(read_text(text, Source("c.yaml", tuple(text.split("\n")), "/")).root, VARIABLES).data()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${ENV:EPOCHS}", 12),
        ('"${ENV:EPOCHS}"', "12"),
        ("${ENV:DATA}/train", "/srv/data/train"),
        ("${ENV:NONE:0.5}", 0.5),
        ("${ENV:NONE:}", None),
        ("${ENV:EMPTY:x}", None),
        ("${ENV:NONE:a:b}", "a:b"),
        ("$${ENV:DATA}", "${ENV:DATA}"),
        ("$HOME and ~", "$HOME and ~"),
    ],
)
def test_value(text: str, value: object) -> None:
    assert fill(f"a: {text}") == {"a": value}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${ENV:EPOCH}", r"c\.yaml:1:4: The environment variable EPOCH is not set\. Did you mean EPOCHS\?"),
        ("${ENV:ZZZ}", r"The environment variable ZZZ is not set\. Set it, or write \$\{ENV:ZZZ:default\}\."),
        ("${HOME}/data", r"c\.yaml:1:4: \$\{HOME\} is not replaced\. Write \$\{ENV:NAME\}, or \$\$\{ for the text"),
        ("${ENV:EPOCHS", r"is not replaced"),
        ("${ENV:EPOCHS}" * 101, r"^c\.yaml:1:4: The text holds more than 100 references to variables\.$"),
    ],
)
def test_refusal(text: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        fill(f"a: {text}")


def test_protected_text_is_given_back() -> None:
    assert fill(f"a: '{protect('x${ENV:DATA}y$${')}'") == {"a": "x${ENV:DATA}y$${"}
