"""A story script as data: what is read from its YAML file, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import yaml

from inventory_control.core.errors import Refused

STEP_KINDS = frozenset({"call", "events", "clock", "settle", "expect", "simulator", "waits_for"})


class UnreadableStoryError(Refused):
    """The story file could not be read."""


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step: what it says, what it does (its kind), and that part of the file."""

    number: str
    says: str
    kind: str
    body: Any
    who: str = "integrator"


@dataclass(frozen=True, slots=True)
class Story:
    """One script: who takes part, the master data it needs, its steps in order.

    `simulated` names the channels and systems that are simulated, `retry_after` the seconds
    between tries to reach them; without it they are tried as any other.
    """

    key: str
    title: str
    people: Mapping[str, Sequence[str]]
    catalog: Mapping[str, Sequence[Mapping[str, Any]]]
    policies: Mapping[str, Any] = field(default_factory=dict)
    simulated: Sequence[str] = ()
    retry_after: Sequence[float] = ()
    steps: tuple[Step, ...] = ()


def read_story(text: str, name: str) -> Story:
    """Parse a story file; raises `UnreadableStoryError` naming the file, the step and the word."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UnreadableStoryError(f"{name} is no YAML: {error}") from None
    if not isinstance(raw, dict):
        raise UnreadableStoryError(f"{name} holds no story.")
    for wanted in ("story", "title", "steps"):
        if wanted not in raw:
            raise UnreadableStoryError(f"{name} lacks `{wanted}`.", field=wanted)
    known = {"story", "title", "people", "catalog", "policies", "simulated", "retry_after", "steps"}
    if unknown := sorted(set(raw) - known):
        raise UnreadableStoryError(f"{name} has unknown parts: {', '.join(unknown)}.")
    return Story(
        key=str(raw["story"]),
        title=str(raw["title"]),
        people={str(who): tuple(map(str, held)) for who, held in raw.get("people", {}).items()},
        catalog=raw.get("catalog", {}),
        policies=raw.get("policies", {}),
        simulated=tuple(map(str, raw.get("simulated", ()))),
        retry_after=tuple(raw.get("retry_after", ())),
        steps=tuple(_step(one, place, name) for place, one in enumerate(raw["steps"], 1)),
    )


def _step(raw: Any, place: int, name: str) -> Step:
    if not isinstance(raw, dict):
        raise UnreadableStoryError(f"{name}, step {place}: not an object.")
    kinds = sorted(STEP_KINDS & set(raw))
    if len(kinds) != 1:
        raise UnreadableStoryError(
            f"{name}, step {place}: has {kinds or 'none'} of {', '.join(sorted(STEP_KINDS))}; "
            "a step does exactly one thing."
        )
    return Step(
        number=str(raw.get("step", place)),
        says=str(raw.get("says", "")),
        kind=kinds[0],
        body=raw[kinds[0]],
        who=str(raw.get("as", "integrator")),
    )


def as_json(value: object) -> str:
    """A value as one short line."""
    return msgspec.json.encode(value).decode()
