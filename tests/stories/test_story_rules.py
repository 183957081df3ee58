"""Story files: what they compare, what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import inventory_control.stories as stories
from inventory_control.stories.rules import difference, filled, pick
from inventory_control.stories.values import UnreadableStoryError, read_story

SCRIPTS = Path(stories.__file__).parent / "scripts"


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
        ({"a": {"$size": 2}}, {"a": [1, 2]}),
        ({"a": {"$any": {"b": 1}}}, {"a": [{"b": 2}, {"b": 1}]}),
        ({"a": {"$none": {"b": 3}}}, {"a": [{"b": 2}, {"b": 1}]}),
        ({"a": {"$exists": False}}, {}),
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
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "answer.a[0].b is 2, not 1"),
        ({"a": True}, {"a": 1.5}, "answer.a is 1.5, not True"),
    ],
)
def test_the_first_difference_is_named(expected: Any, found: Any, words: str):
    assert difference(expected, found) == words


def test_variables_are_filled_and_keep_their_type():
    variables = {"case": 7, "answer": {"results": [{"id": "x"}]}}

    assert filled({"a": "${case}", "b": "no ${case}"}, variables) == {"a": 7, "b": "no 7"}
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
