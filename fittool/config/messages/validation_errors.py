"""Pydantic's complaints about an experiment, turned into problems: each once, at its place in the file, in file order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from fittool.config.experiment import STAGES, WHOLE
from fittool.config.messages.schema_lookup import families_at, forms_at, known_names
from fittool.config.messages.schema_messages import WRONG_KIND, found, literals, rule, suggestion, wrong_kind
from fittool.config.yaml.source_map import KeyPath, Node, Place, Placed, path_text, shortened
from fittool.errors import Problem
from fittool.settings import Family, fields_of, nearest_name

MOST_PROBLEMS = 20
_UNKNOWN_KEY = ("unexpected_keyword_argument", "extra_forbidden")
_SAYS_WHAT_WAS_FOUND = ("too_short", "too_long", "layers_or_preset")
_OTHER_NAMES: dict[str | int, str] = {
    "lr": "learning_rate", "target_size": "size", "input_size": "size", "dir": "path", "directory": "path", "file": "path",
    "samples_per_epoch": "steps_per_epoch", "nb_worker": "workers", "num_workers": "workers", "rescale_factor": "rescale",
}  # fmt: skip
"""What older versions of Keras, and other tools, call a setting."""
_NAMES_A_THING = ("family_form", "unknown_name")


@dataclass(frozen=True)
class _Complaint:
    """One of pydantic's errors, its location mapped to the file.

    Attributes:
        path: Key path as it reads in messages.
        union: The key path at which one of several forms was tried, or None.
    """

    kind: str
    message: str
    context: dict[str, Any]
    path: KeyPath
    union: KeyPath | None
    node: Node
    value: object

    @property
    def is_other_kind(self) -> bool:
        return self.kind in WRONG_KIND or self.kind in ("literal_error", "family_form") or self.is_unknown_name

    @property
    def is_unknown_name(self) -> bool:
        return self.kind == "unknown_name" and not self.context["nearest"]


def in_file_order(placed: Iterable[Placed]) -> tuple[Problem, ...]:
    """Problems by place: the files' in the order in which they were read, options last; repeated ones once."""
    order: dict[int, int] = {}
    unique = {(str(one.place), one.text): one for one in placed}.values()
    for one in unique:
        order.setdefault(id(one.place.source), len(order))
    return tuple(
        one.problem
        for one in sorted(
            unique, key=lambda one: (one.place.source.is_option, order[id(one.place.source)], one.place.line, one.place.column)
        )
    )


def limited(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """The first twenty problems, and how many more there are."""
    if len(problems) <= MOST_PROBLEMS:
        return tuple(problems)
    more = Problem(f"… and {len(problems) - MOST_PROBLEMS} more.", exit_code=problems[0].exit_code)
    return (*problems[:MOST_PROBLEMS], more)


def problems_of(error: ValidationError, root: Node, top: type) -> list[Placed]:
    """Every complaint as a sentence with its place.

    Args:
        error: What pydantic found wrong with `root.data()`.
        root: The tree of the file.
        top: The description it was held against.
    """
    complaints = [_located(item, root) for item in error.errors(include_url=False)]
    misspelt = {_meant(one.path, top) for one in complaints if one.kind in _UNKNOWN_KEY}
    groups = _groups([one for one in complaints if one.kind != "missing" or one.path not in misspelt])
    return [_told(group, top) for group in groups]


def _meant(path: KeyPath, top: type) -> KeyPath:
    """The key path that an unknown one was most likely meant to be; it is not missing as well."""
    near = nearest_name(str(path[-1]), list(known_names(top, path[:-1]) or ()))
    return (*path[:-1], near or path[-1])


def _located(item: Any, root: Node) -> _Complaint:
    """Find the file's key path in pydantic's location, which also names the forms of unions that were tried."""
    node, path, union = root, [], None
    adds_key = item["type"] == "missing"
    for position, step in enumerate(item["loc"]):
        child = node.child(step)
        last = position == len(item["loc"]) - 1
        if child is not None:
            node = child
            path.append(step)
        elif node.value == step or (adds_key and last):
            path.append(step)
        elif step not in (WHOLE, STAGES):
            union = tuple(path) if union is None else union
    return _Complaint(item["type"], item["msg"], item.get("ctx", {}), tuple(path), union, node, node.data())


def _groups(complaints: list[_Complaint]) -> list[list[_Complaint]]:
    """What the forms of one union complain about belongs together; the most telling part of it is kept."""
    unions: dict[object, list[_Complaint]] = defaultdict(list)
    for number, complaint in enumerate(complaints):
        unions[number if complaint.union is None else complaint.union].append(complaint)
    return [kept for group in unions.values() for kept in _most_telling(group)]


def _most_telling(group: list[_Complaint]) -> list[list[_Complaint]]:
    deeper = [one for one in group if one.union is not None and len(one.path) > len(one.union)]
    if deeper:
        return [[one] for one in deeper]
    telling = [one for one in group if not one.is_other_kind]
    if not telling and isinstance(group[0].value, dict):
        telling = [one for one in group if one.kind == "unknown_name"]
    return [telling[:1] if telling else group]


def _told(group: list[_Complaint], top: type) -> Placed:
    place, text = _sentence(group, path_text(group[0].path) or "The file", top)
    return Placed(place, text, group[0].path)


def _sentence(group: list[_Complaint], where: str, top: type) -> tuple[Place, str]:
    first = group[0]
    if first.kind in _UNKNOWN_KEY:
        return first.node.best_place, f"{where} is not a setting.{_right_key(first.path, top)}"
    if first.kind == "missing":
        return first.node.best_place, f"{where} is missing.{_description(first.path, top)}"
    if first.kind == "family_arguments":
        named = _only_child(first.node)
        return named.place, f"{where} {wrong_kind(['a mapping of its arguments'], named.data())}"
    if first.kind == "unknown_name" and len(group) == 1:
        named = _only_child(first.node)
        return first.node.place if named is first.node else named.best_place, f"{where}: {_unknown_name(first.context)}"
    if all(one.is_other_kind for one in group):
        wanted = [phrase for one in group for phrase in _wanted(one)]
        if first.kind == "family_form" and isinstance(first.value, dict) and len(first.value) > 1:
            names = shortened(", ".join(first.value))
            return first.node.place, f"{where} must be one {first.context['kind']}, got {len(first.value)}: {names}."
        mend = f" Write [{shortened(first.value)}]." if first.kind == "list_type" and isinstance(first.value, str) else ""
        return first.node.place, f"{where} {wrong_kind(wanted, first.value)}{mend}{_nearest_literal(group, first.value)}"
    text = rule(first.kind, first.message, first.context)
    told = first.kind in _SAYS_WHAT_WAS_FOUND or isinstance(first.value, dict)  # settings that do not go together
    got = "" if told else f", got {_as_written(first.value)}"
    return first.node.place, f"{where} {text}{got}."


def _as_written(value: object) -> str:
    """Scalars as they stand in the file: a fraction such as 1/255 is no text where a number is wanted."""
    return value if isinstance(value, str) and value[:1].isdigit() and value.replace("/", "").isdigit() else found(value)


def _wanted(complaint: _Complaint) -> list[str]:
    if complaint.kind == "literal_error":
        return literals(complaint.context["expected"])
    if complaint.kind in _NAMES_A_THING:
        kind = complaint.context["kind"]
        return [f"the name of {'an' if kind[0] in 'aeiou' else 'a'} {kind}, or one name with its arguments"]
    return [WRONG_KIND[complaint.kind]]


def _nearest_literal(group: list[_Complaint], value: object) -> str:
    return suggestion(value, [name for one in group if one.kind == "literal_error" for name in literals(one.context["expected"])])


def _unknown_name(context: dict[str, Any]) -> str:
    text = f"no {context['kind']} is called {path_text([context['name']])}."
    near = context["nearest"]
    if near:
        return f"{text} Did you mean {near}?"
    if context["kind"] == "source" and ("/" in context["name"] or "." in context["name"]):
        return f"{text} Write what kind it is before its path, as in {{folder: {{path: {context['name']}}}}}."
    return f"{text} There are {context['known']}."


def _only_child(node: Node) -> Node:
    """What stands behind the only key of a mapping; the node itself where it is none."""
    children = node.children()
    return children[0][1] if isinstance(node.value, dict) and len(children) == 1 else node


def _right_key(path: KeyPath, top: type) -> str:
    known = known_names(top, path[:-1]) or ()
    near = f" Did you mean {_OTHER_NAMES[path[-1]]}?" if _OTHER_NAMES.get(path[-1]) in known else suggestion(path[-1], known)
    if near:
        return near
    homes = [home for home in _sections(top) if path[-1] in (known_names(top, home) or ())]
    if homes:
        return f" It belongs in {path_text(homes[0])}." if homes[0] else " It belongs at the top of the file."
    owners = [home for home in _sections(top) if any(_is_argument(path[-1], family) for family in families_at(top, home))]
    if owners:
        return f" It is an argument in {path_text(owners[0])}."
    return f" There are {', '.join(known)}." if 0 < len(known) <= 12 else ""


def _is_argument(name: str | int, family: Family[Any]) -> bool:
    """Whether a member of the family has an argument of that name."""
    return any(name in fields_of(member) for member in family.members.values())


def _sections(top: type) -> list[KeyPath]:
    """Where a setting may have been meant to stand."""
    first = [(name,) for name in fields_of(top) if name not in ("engine",)]
    second = [(*path, name) for path in first for name in known_names(top, path) or () if forms_at(top, (*path, name))]
    return [(), *first, *second]


def _description(path: KeyPath, top: type) -> str:
    for form in forms_at(top, path[:-1]):
        if isinstance(form, type) and (info := fields_of(form).get(str(path[-1]))) and info.description:
            return f" {info.description}"
    return ""
