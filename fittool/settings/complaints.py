"""Pydantic's complaints turned into sentences, each once, at the key path of the setting that is wrong.

The same sentences tell what is wrong in an experiment file and in the arguments of an object that is made in Python.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from fittool.errors import ArgumentError, KeyPath, Problem, path_text, shorten
from fittool.settings.family import Family, fields_of, nearest_name
from fittool.settings.lookup import families_at, forms_at, known_names
from fittool.settings.messages import WRONG_KIND, found, literals, rule, suggestion, wrong_kind

_UNKNOWN_KEY = ("unexpected_keyword_argument", "extra_forbidden")
_SAYS_WHAT_WAS_FOUND = ("too_short", "too_long", "layers_or_preset")
_OTHER_NAMES: dict[str | int, str] = {
    "lr": "learning_rate", "target_size": "size", "input_size": "size", "dir": "path", "directory": "path", "file": "path",
    "samples_per_epoch": "steps_per_epoch", "nb_worker": "workers", "num_workers": "workers", "rescale_factor": "rescale",
}  # fmt: skip
"""The names that older versions of Keras, and other tools, have for a setting."""
_NAMES_A_THING = ("family_form", "unknown_name")
_POSITION = {
    "unexpected_positional_argument": "is an argument too many.",
    "multiple_argument_values": "is given twice, by position and by name.",
}


@dataclass(frozen=True)
class Subject:
    """The object that was checked against a description.

    Attributes:
        top: The description: a class, or a family of classes.
        data: Mappings, lists and scalars; from Python also objects.
        whole: What it is called as a whole.
        owner: What key paths begin with in messages; empty in a file.
        tags: Steps of pydantic's that stand for a choice and are no keys.
    """

    top: type | Family[Any]
    data: object
    whole: str = "The file"
    owner: KeyPath = ()
    tags: tuple[str, ...] = ()

    def name(self, path: KeyPath) -> str:
        """A setting as messages name it."""
        return path_text((*self.owner, *path)) or self.whole


@dataclass(frozen=True)
class Sentence:
    """One thing that is wrong.

    Attributes:
        text: A whole sentence.
        path: The key path of the setting.
        at: The key path of what is there, to point at.
        at_key: Whether to point at its key rather than its value.
    """

    text: str
    path: KeyPath
    at: KeyPath
    at_key: bool = False


@dataclass(frozen=True)
class _Complaint:
    """One of pydantic's errors, its location mapped to the data.

    Attributes:
        path: Key path as it reads in messages.
        union: The key path at which one of several forms was tried, or None.
        at: The key path of what is there: of the value, or of the mapping that lacks one.
    """

    kind: str
    message: str
    context: Mapping[str, Any]
    path: KeyPath
    union: KeyPath | None
    at: KeyPath
    value: object

    @property
    def is_other_kind(self) -> bool:
        return self.kind in WRONG_KIND or self.kind in ("literal_error", "family_form") or self.is_unknown_name

    @property
    def is_unknown_name(self) -> bool:
        return self.kind == "unknown_name" and not self.context["nearest"]


def sentences(errors: Iterable[Mapping[str, Any]], subject: Subject) -> list[Sentence]:
    """Every complaint as a sentence.

    Args:
        errors: What pydantic found wrong, as `ValidationError.errors` gives it.
        subject: What it looked at.
    """
    complaints = [_locate(item, subject) for item in errors]
    misspelt = {_guess(one.path, subject.top) for one in complaints if one.kind in _UNKNOWN_KEY}
    groups = _groups([one for one in complaints if one.kind != "missing" or one.path not in misspelt])
    return [_sentence(group, subject) for group in groups]


def argument_error(owner: str, cls: type, args: Sequence[Any], named: Mapping[str, Any], error: ValidationError) -> ArgumentError:
    """The error for wrong arguments of an object that is made in Python.

    Args:
        owner: What is made.
        cls: The description of its arguments.
        args: Its arguments by position.
        named: Its arguments by name.
        error: What pydantic says of them.
    """
    order: list[str | int] = [field.name for field in dataclasses.fields(cls) if not field.kw_only]
    order += range(len(order), len(args))
    errors = [{**item, "loc": _by_name(item["loc"], order)} for item in error.errors(include_url=False)]
    data = dict[str | int, Any](zip(order, args, strict=False)) | dict[str | int, Any](named)
    told = sentences(errors, Subject(cls, data, owner, (owner,)))
    return ArgumentError([Problem(text) for text in dict.fromkeys(one.text for one in told)])


def _by_name(location: Sequence[str | int], order: Sequence[str | int]) -> KeyPath:
    first, *rest = location or [""]
    return (order[first] if isinstance(first, int) else first, *rest) if location else ()


def _guess(path: KeyPath, top: type | Family[Any]) -> KeyPath:
    """The key path that an unknown one was most likely meant to be; it is not missing as well."""
    near = nearest_name(str(path[-1]), list(known_names(top, path[:-1]) or ()))
    return (*path[:-1], near or path[-1])


def _locate(item: Mapping[str, Any], subject: Subject) -> _Complaint:
    """Find the key path in pydantic's location, which also names the forms of unions that were tried."""
    value, path, at, union = subject.data, list[str | int](), list[str | int](), None
    adds_key = item["type"] == "missing"
    for position, step in enumerate(item["loc"]):
        last = position == len(item["loc"]) - 1
        if _holds(value, step):
            value = value[step]  # type: ignore[index]
            path.append(step)
            at.append(step)
        elif value == step or (adds_key and last):
            path.append(step)
        elif step not in subject.tags:
            union = tuple(path) if union is None else union
    return _Complaint(item["type"], item["msg"], item.get("ctx") or {}, tuple(path), union, tuple(at), value)


def _holds(value: object, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list | tuple) and isinstance(step, int) and 0 <= step < len(value)


def _groups(complaints: list[_Complaint]) -> list[list[_Complaint]]:
    """The complaints of the forms of one union belong together; the most telling part of it is kept."""
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


def _sentence(group: list[_Complaint], subject: Subject) -> Sentence:
    first, where = group[0], subject.name(group[0].path)
    if first.kind in _UNKNOWN_KEY:
        thing = "argument" if subject.owner else "setting"
        return Sentence(f"{where} is not {_article(thing)}.{_right_key(first.path, subject)}", first.path, first.at, True)
    if first.kind in _POSITION:
        return Sentence(f"{where} {_POSITION[first.kind]}", first.path, first.at)
    if first.kind == "missing":
        return Sentence(f"{where} is missing.{_description(first.path, subject.top)}", first.path, first.at, True)
    if first.kind == "family_arguments":
        at, inside = _only_child(first)
        return Sentence(f"{where} {wrong_kind(['a mapping of its arguments'], inside)}", first.path, at)
    if first.kind == "unknown_name" and len(group) == 1:
        at, _ = _only_child(first)
        return Sentence(f"{where}: {_unknown_name(first.context)}", first.path, at, at != first.at)
    if all(one.is_other_kind for one in group):
        return Sentence(f"{where} {_other_kind(group)}", first.path, first.at)
    text = rule(first.kind, first.message, first.context)
    # Settings that do not go together are told without the mapping they stand in.
    told = first.kind in _SAYS_WHAT_WAS_FOUND or isinstance(first.value, dict)
    got = "" if told else f", got {_as_written(first.value)}"
    return Sentence(f"{where} {text}{got}.", first.path, first.at)


def _other_kind(group: list[_Complaint]) -> str:
    """The sentence's end where something of another kind was found than any form of a setting allows."""
    first = group[0]
    wanted = [phrase for one in group for phrase in _expectation(one)]
    if first.kind == "family_form" and isinstance(first.value, dict) and len(first.value) > 1:
        names = shorten(", ".join(map(str, first.value)))
        return f"must be one {first.context['kind']}, got {len(first.value)}: {names}."
    mend = f" Write [{shorten(first.value)}]." if first.kind == "list_type" and isinstance(first.value, str) else ""
    return f"{wrong_kind(wanted, first.value)}{mend}{_nearest_literal(group, first.value)}"


def _as_written(value: object) -> str:
    """Scalars as they stand in the file: a fraction such as 1/255 is no text where a number is wanted."""
    return value if isinstance(value, str) and value[:1].isdigit() and value.replace("/", "").isdigit() else found(value)


def _expectation(complaint: _Complaint) -> list[str]:
    if complaint.kind == "literal_error":
        return literals(complaint.context["expected"])
    if complaint.kind in _NAMES_A_THING:
        return [f"the name of {_article(complaint.context['kind'])}, or one name with its arguments"]
    return [WRONG_KIND[complaint.kind]]


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _nearest_literal(group: list[_Complaint], value: object) -> str:
    return suggestion(value, [name for one in group if one.kind == "literal_error" for name in literals(one.context["expected"])])


def _unknown_name(context: Mapping[str, Any]) -> str:
    text = f"no {context['kind']} is called {path_text([context['name']])}."
    near = context["nearest"]
    if near:
        return f"{text} Did you mean {near}?"
    if context["kind"] == "source" and ("/" in context["name"] or "." in context["name"]):
        return f"{text} Write what kind it is before its path, as in {{folder: {{path: {context['name']}}}}}."
    return f"{text} There are {context['known']}."


def _only_child(complaint: _Complaint) -> tuple[KeyPath, object]:
    """The value behind the only key of a mapping, with its key path; the complaint's own value where it is none."""
    if isinstance(complaint.value, dict) and len(complaint.value) == 1:
        ((key, value),) = complaint.value.items()
        return (*complaint.at, key), value
    return complaint.at, complaint.value


def _right_key(path: KeyPath, subject: Subject) -> str:
    top, known = subject.top, known_names(subject.top, path[:-1]) or ()
    near = f" Did you mean {_OTHER_NAMES[path[-1]]}?" if _OTHER_NAMES.get(path[-1]) in known else suggestion(path[-1], known)
    if near:
        return near
    home = "" if subject.owner or not isinstance(top, type) else _home(path[-1], top)
    return home or (f" There are {', '.join(known)}." if 0 < len(known) <= 16 else "")


def _home(name: str | int, top: type) -> str:
    """The place in the file where a setting of that name belongs, or ""."""
    homes = [home for home in _sections(top) if name in (known_names(top, home) or ())]
    if homes:
        return f" It belongs in {path_text(homes[0])}." if homes[0] else " It belongs at the top of the file."
    owners = [home for home in _sections(top) if any(_is_argument(name, family) for family in families_at(top, home))]
    return f" It is an argument in {path_text(owners[0])}." if owners else ""


def _is_argument(name: str | int, family: Family[Any]) -> bool:
    """True where a member of the family has an argument of that name."""
    return any(name in fields_of(member) for member in family.members.values())


def _sections(top: type) -> list[KeyPath]:
    """The places where a setting may have been meant to stand."""
    # `fine_tune` has the words of `train` and `compile`, of which nobody means it first.
    first = [(name,) for name in fields_of(top) if name not in ("engine", "fine_tune")]
    second = [(*path, name) for path in first for name in known_names(top, path) or () if forms_at(top, (*path, name))]
    return [(), *first, *second]


def _description(path: KeyPath, top: type | Family[Any]) -> str:
    for form in forms_at(top, path[:-1]):
        if isinstance(form, type) and (info := fields_of(form).get(str(path[-1]))) and info.description:
            return f" {info.description}"
    return ""
