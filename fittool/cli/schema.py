"""fittool schema."""

from __future__ import annotations

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of the experiment file, for editors.

    \b
    fittool schema > fittool.schema.json
    and as the first line of an experiment:
    # yaml-language-server: $schema=fittool.schema.json
    """
    from fittool.config.reference import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
