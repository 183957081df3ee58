"""Story files: what they compare, what they refuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import inventory_control.stories as stories
from connectors.simulators.state import World
from inventory_control.stories.rules import difference, filled, pick
from inventory_control.stories.values import UnreadableStoryError, read_story

SCRIPTS = Path(stories.__file__).parent / "scripts"
TO_COME = (
    "Governed work: ",
    "The border: ",
    "Advice: ",
    "Customers and suppliers: ",
    "The planner's desk: ",
    "The partner's house: ",
    "Roll-out and scale: ",
)
"""The parts of the product that a step may wait for."""


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"value": "60.00"}, {"value": "60"}),
        ({"at": "2026-03-02T09:00:00+00:00"}, {"at": "2026-03-02T09:00:00Z"}),
        ([{"a": 1}], [{"a": 1, "b": 2}]),
        ({"at": "2026-03-01T09:00:00+00:00"}, {"at": "2026-03-01T10:00:00+01:00"}),
        ({"at": "2026-03-01T09:00:00+00:00"}, {"at": "2026-03-01T09:00:00Z"}),
        ({"a": {"$gte": 2}}, {"a": 3}),
        ({"a": {"$contains": "x"}}, {"a": "axb"}),
        ({"a": {"$in": ["x", "y"]}}, {"a": "y"}),
        ({"a": {"$size": 2}}, {"a": [1, 2]}),
        ({"a": {"$any": {"b": 1}}}, {"a": [{"b": 2}, {"b": 1}]}),
        ({"a": {"$none": {"b": 3}}}, {"a": [{"b": 2}, {"b": 1}]}),
        ({"a": {"$exists": False}}, {}),
        ({"at": {"$gte": "2026-03-02T09:00:00+00:00"}}, {"at": "2026-03-02T10:00:00+01:00"}),
    ],
)
def test_what_holds(expected: Any, found: Any):
    assert difference(expected, found) is None


@pytest.mark.parametrize(
    ("expected", "found", "words"),
    [
        ({"a": 1}, {"a": 2}, "answer.a is 2, not 1"),
        ({"a": 1}, {}, "answer has no a"),
        (
            "2026-03-01T09:00:00Z",
            "2026-03-01T09:00:01Z",
            "answer is '2026-03-01T09:00:01Z', not '2026-03-01T09:00:00Z'",
        ),
        ([1, 2], [1], "answer is [1], not a list of 2"),
        ({"a": {"$lte": 2}}, {"a": 3}, "answer.a is 3, which does not satisfy $lte 2"),
        (
            {"a": {"$in": ["x", "y"]}},
            {"a": "xy"},
            "answer.a is 'xy', which does not satisfy $in ['x', 'y']",
        ),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "answer.a[0].b is 2, not 1"),
        ({"a": True}, {"a": 1.5}, "answer.a is 1.5, not True"),
        ({"a": {"$gte": 2}}, {"a": "x"}, "answer.a is 'x', neither number nor moment"),
        (
            {"at": {"$lt": "2026-03-02T09:00:00+00:00"}},
            {"at": "2026-03-02T10:00:00+01:00"},
            "answer.at is '2026-03-02T10:00:00+01:00', which does not satisfy $lt "
            "'2026-03-02T09:00:00+00:00'",
        ),
    ],
)
def test_the_first_difference_is_named(expected: Any, found: Any, words: str):
    assert difference(expected, found) == words


def test_variables_are_filled_and_keep_their_type():
    variables = {"case": 7, "answer": {"results": [{"id": "x"}]}}

    assert filled({"a": "${case}", "b": "no ${case}"}, variables) == {"a": 7, "b": "no 7"}
    assert filled({"no ${case}": 1}, variables) == {"no 7": 1}
    assert pick(variables, "answer.results.0.id") == "x"
    with pytest.raises(KeyError, match="there is no ghost"):
        filled("${ghost}", variables)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- 1", "holds no story"),
        ("story: X", "lacks `title`"),
        ("story: X\ntitle: x\nsteps: [{says: hm}]", "step 1: has none of"),
        ("story: X\ntitle: x\nsteps: []\nsurprise: 1", "unknown parts: surprise"),
        ("a: [", "is no YAML"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(text: str, words: str):
    with pytest.raises(UnreadableStoryError, match=words.replace("[", r"\[")):
        read_story(text, "x.yaml")


def test_every_script_of_the_product_can_be_read():
    files = sorted(SCRIPTS.glob("*.yaml"))

    keys = {read_story(file.read_text(), file.name).key for file in files}

    assert len(keys) == len(files)


def test_a_step_that_waits_names_the_part_that_brings_it():
    found = [read_story(file.read_text(), file.name) for file in SCRIPTS.glob("*.yaml")]
    waiting = [one.body for story in found for one in story.steps if one.kind == "waits_for"]

    assert [words for words in waiting if not words.startswith(TO_COME)] == []


def test_every_story_is_told_with_other_figures_too_and_named_like_its_file():
    told: dict[str, list[str]] = {}
    for file in sorted(SCRIPTS.glob("*.yaml")):
        named = re.fullmatch(r"s(\d\d)([b-z]?)_[a-z_]+\.yaml", file.name)
        assert named, file.name
        story = read_story(file.read_text(), file.name)
        assert story.key == f"S{int(named[1])}{named[2].upper()}"
        told.setdefault(named[1], []).append(named[2])

    assert [number for number, letters in told.items() if letters[:2] != ["", "b"]] == []


def test_a_fault_may_hit_one_path_only():
    world = World()
    world.add_fault({"next": 1, "status": 503, "path": "/documents"})

    assert [world.next_fault("MK", "/availability"), world.next_fault("", "/documents")] == [
        None, 503,
    ]  # fmt: skip
    assert world.next_fault("", "/documents") is None
