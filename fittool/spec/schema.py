"""The JSON Schema (Draft 2020-12) of the experiment file, for editors."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from fittool.spec.description import Experiment


def json_schema() -> dict[str, Any]:
    """What an experiment file may hold; `extends` included, and what it may leave to the file that it extends."""
    schema = TypeAdapter(Experiment).json_schema(mode="validation")
    schema["properties"] = {
        "extends": {"type": "string", "description": "Another experiment file to build on, relative to this one."},
        **schema["properties"],
    }
    required = schema.pop("required")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "fittool experiment",
        **{key: value for key, value in schema.items() if key != "title"},
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": required},
    }
