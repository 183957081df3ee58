"""Times as pages show them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_control.web.times import readable, span


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-04-26T07:00:00.709336+00:00", "26 Apr 2026 07:00"),
        ("2026-05-01 00:05:45Z", "1 May 2026 00:05"),
        ("2026-05-01", "2026-05-01"),
        ("2026-99-01T00:00:00Z", "2026-99-01T00:00:00Z"),
        (7, "7"),
    ],
)
def test_only_a_moment_is_put_in_words(value: object, shown: str):
    assert readable(value) == shown


def test_a_length_names_its_two_largest_units():
    assert [span(timedelta(minutes=one)) for one in (5, 95, 3000)] == [
        "0 h 05",
        "1 h 35",
        "2 d 2 h",
    ]
