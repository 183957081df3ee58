"""How an answer is compared with what a story expects. Pure.

A number, moment, text or list must be equal; an object must hold the named fields. An object of one word
with a dollar is a question: `{$gte: 0.85}`, `{$contains: text}`, `{$size: 3}`, `{$in: [a, b]}`, `{$any: {...}}` (some
element matches), `{$none: {...}}` (no element does), `{$exists: true}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_VARIABLE = re.compile(r"\$\{(?P<path>[a-zA-Z0-9_.]+)\}")
_QUESTIONS = frozenset(
    {"$gte", "$lte", "$gt", "$lt", "$contains", "$size", "$any", "$none", "$exists", "$not", "$in"}
)


def difference(expected: Any, found: Any, path: str = "answer") -> str | None:
    """The first difference in words, or None when the answer is as expected."""
    if isinstance(expected, Mapping):
        if len(expected) == 1 and next(iter(expected)) in _QUESTIONS:
            question, wanted = next(iter(expected.items()))
            return _asked(question, wanted, found, path)
        return _fields(expected, found, path)
    if isinstance(expected, list):
        return _elements(expected, found, path)
    if _as_number(expected) is not None and _as_number(expected) == _as_number(found):
        return None
    if _as_moment(expected) is not None and _as_moment(expected) == _as_moment(found):
        return None
    return None if expected == found else f"{path} is {found!r}, not {expected!r}"


def filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """A value with every `${name}` replaced; a text that is one variable takes its type."""
    if isinstance(value, Mapping):
        return {filled(key, variables): filled(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, variables) for one in value]
    if not isinstance(value, str):
        return value
    whole = _VARIABLE.fullmatch(value)
    if whole:
        return pick(variables, whole["path"])
    return _VARIABLE.sub(lambda found: str(pick(variables, found["path"])), value)


def pick(value: Any, path: str) -> Any:
    """What lies at a dotted path (`results.0.id`); raises KeyError naming the step that fails."""
    for step in path.split("."):
        if isinstance(value, list):
            index = int(step)
            if index >= len(value):
                raise KeyError(f"{path}: there is no element {index}")
            value = value[index]
        elif isinstance(value, Mapping) and step in value:
            value = value[step]
        else:
            raise KeyError(f"{path}: there is no {step}")
    return value


def _fields(expected: Mapping[str, Any], found: Any, path: str) -> str | None:
    if not isinstance(found, Mapping):
        return f"{path} is {found!r}, not an object"
    for key, wanted in expected.items():
        is_absent = key not in found
        if is_absent and wanted == {"$exists": False}:
            continue
        if is_absent:
            return f"{path} has no {key}"
        if fault := difference(wanted, found[key], f"{path}.{key}"):
            return fault
    return None


def _elements(expected: list[Any], found: Any, path: str) -> str | None:
    if not isinstance(found, list) or len(found) != len(expected):
        return f"{path} is {found!r}, not a list of {len(expected)}"
    for place, (wanted, got) in enumerate(zip(expected, found, strict=True)):
        if fault := difference(wanted, got, f"{path}[{place}]"):
            return fault
    return None


def _asked(question: str, wanted: Any, found: Any, path: str) -> str | None:
    if question in {"$gte", "$lte", "$gt", "$lt"}:
        number, bound = _as_ordinal(found), _as_ordinal(wanted)
        if number is None or bound is None:
            return f"{path} is {found!r}, neither number nor moment"
        holds = {
            "$gte": number >= bound,
            "$lte": number <= bound,
            "$gt": number > bound,
            "$lt": number < bound,
        }[question]
    elif question == "$contains":
        holds = wanted in found if isinstance(found, str | list) else False
    elif question == "$in":
        holds = any(difference(one, found, path) is None for one in wanted)
    elif question == "$size":
        holds = isinstance(found, list | dict) and len(found) == wanted
    elif question == "$exists":
        holds = bool(wanted)
    elif question == "$not":
        holds = difference(wanted, found, path) is not None
    else:
        if not isinstance(found, list):
            return f"{path} is {found!r}, not a list"
        matches = any(difference(wanted, one, path) is None for one in found)
        holds = matches is (question == "$any")
    return None if holds else f"{path} is {found!r}, which does not satisfy {question} {wanted!r}"


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _as_ordinal(value: Any) -> float | None:
    """A number, or a moment in seconds; None for everything that has no order."""
    moment = _as_moment(value)
    return _as_number(value) if moment is None else moment.timestamp()


def _as_moment(value: Any) -> datetime | None:
    """A text as the moment it names, however its offset is written; None for every other."""
    if not isinstance(value, str) or len(value) < len("2026-01-01T00:00Z"):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment
