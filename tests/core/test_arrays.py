"""Arrays in PostgreSQL's own notation come back as what they were."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import DataError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory_control.core.sql import blobs, hot, numbers, texts, times

WORDS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=8)
AWKWARD = st.sampled_from(["", "NULL", "null", '"', "\\", "a,b", "{}", " ", "\\x00", '","', "None"])
MOMENTS = st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001
kept = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def back(kind: str, array: str) -> object:
    """What the server reads."""
    ((found,),) = hot(f"SELECT %s::{kind}[]", [array])
    return found


@kept
@given(values=st.lists(st.none() | WORDS | AWKWARD))
def test_texts(committed, values):
    assert back("text", texts(iter(values))) == values


@kept
@given(values=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_numbers(committed, values):
    assert back("bigint", numbers(iter(values))) == values


@kept
@given(values=st.lists(st.none() | MOMENTS))
def test_moments(committed, values):
    assert back("timestamptz", times(iter(values))) == values


def test_days(committed):
    days = [date(2026, 2, 28), None, date(1, 1, 1)]

    assert back("date", times(days)) == days


@kept
@given(values=st.lists(st.binary(max_size=9)))
def test_bytes(committed, values):
    assert back("bytea", blobs(iter(values))) == values


@pytest.mark.parametrize("values", [["a\0b"], ["\0"], ["a", "b\0"], ["\0", None], ["", "\0", ""]])
def test_no_text_holds_a_nul(committed, values):
    with pytest.raises(DataError, match="NUL"):
        back("text", texts(values))
