"""`Activation: relu` for `Activation: {activation: relu}`: a thing that needs just one argument can be given that alone.

Everything behind this sees the long form only, so that paths, functions, merged files and messages need to know of no other.
"""

from __future__ import annotations

from dataclasses import replace

from fittool.config.yaml.source_map import Node
from fittool.settings import Family, only_argument
from fittool.settings.lookup import Form, forms_below


def expand(root: Node, top: type) -> Node:
    """A tree without short forms.

    Args:
        root: The tree of a file.
        top: The description of the whole.
    """
    return _expand(root, (top,))


def _expand(node: Node, forms: tuple[Form, ...]) -> Node:
    if not forms:
        return node
    if isinstance(node.value, list):
        return replace(node, value=[_expand(item, forms_below(forms, index)) for index, item in enumerate(node.value)])
    if not isinstance(node.value, dict):
        return node
    return replace(
        node, value={key: _expand(_with_names(child, key, forms), forms_below(forms, key)) for key, child in node.value.items()}
    )


def _with_names(arguments: Node, name: str, forms: tuple[Form, ...]) -> Node:
    """The arguments of a thing as a mapping, where they are the value of the only one that it needs."""
    members = [member for form in forms if isinstance(form, Family) and (member := form.class_of(name)) is not None]
    if isinstance(arguments.value, dict) or arguments.value is None or len(members) != 1:
        return arguments
    only = only_argument(members[0])
    return arguments if only is None else replace(arguments, value={only: replace(arguments, key_place=None)})
