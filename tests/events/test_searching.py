"""Searching the event log: every filter finds its events, and none reads the whole table."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from inventory_control.core.errors import Refused
from inventory_control.core.telemetry import correlated
from inventory_control.events.selectors import event_search
from inventory_control.events.values import EventFilters
from tests.factories import event, hour, item, node, outcomes, send
from tests.http import Api


@pytest.fixture(autouse=True)
def log(tenant) -> None:
    """Six events of two items, two nodes, two sources and three causes."""
    item()
    item("CAP")
    node()
    node("S2")
    with correlated("outage"):
        outcomes(
            event("receipt.recorded", 9, source_id="a", document="PO-1", occurred_at=hour(1)),
            event("receipt.recorded", 9, source_id="b", item="CAP", node="S2"),
        )
    outcomes(
        event("order.created", 1, source_id="c", order="O1", line="1"),
        event("order.shipped", 1, source_id="d", order="O1", line="1", correlation_id="ship"),
        event("pick.failed", 1, source_id="e", order="O1", node="S2"),
    )
    send(event("stock.counted", 3, source_id="f", document="CC-9"), source="wms")


def found(**asked: Any) -> str:
    """The source ids of what matches, oldest first."""
    return "".join(sorted(one.source_id for one in event_search(EventFilters(**asked))))


@pytest.mark.req("EVT-27")
@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({}, "abcdef"),
        ({"item": "SOCK"}, "acdef"),
        ({"item": "CAP"}, "b"),
        ({"node": "S2"}, "be"),
        ({"item": "SOCK", "node": "S2"}, "e"),
        ({"order": "O1"}, "cde"),
        ({"order": "O2"}, ""),
        ({"document": "PO-1"}, "a"),
        ({"document": "CC-9"}, "f"),
        ({"correlation_id": "outage"}, "ab"),
        ({"correlation_id": "ship"}, "d"),
        ({"type": "receipt.recorded"}, "ab"),
        ({"source": "wms"}, "f"),
        ({"received_from": "pos"}, "abcde"),
        ({"until": hour(2)}, "a"),
        ({"since": hour(2)}, "bcdef"),
        ({"learnt_until": hour(2)}, ""),
        ({"learnt_since": hour(2)}, "abcdef"),
        ({"item": "SOCK", "since": hour(0), "until": hour(24)}, "a"),
    ],
)
def test_each_filter_finds_its_events(asked: dict[str, Any], answer: str):
    assert found(**asked) == answer


def test_an_item_or_node_that_does_not_exist_is_refused_by_name():
    with pytest.raises(Refused, match="No item is called SOCKS") as refused:
        event_search(EventFilters(item="SOCKS"))
    assert refused.value.field == "item"


@pytest.mark.req("EVT-27")
def test_pages_are_cut_by_key_and_say_where_to_go_on():
    api = Api("events.read")

    status, first = api.get("events?limit=4")
    assert (status, [row["source_id"] for row in first["results"]]) == (200, list("fedc"))
    status, second = api.get(first["next"].removeprefix("/api/v1/"))

    assert ([row["source_id"] for row in second["results"]], second["next"]) == (list("ba"), None)


@pytest.mark.req("EVT-27", "EVT-04")
def test_the_api_answers_what_a_reader_needs_and_names_the_field_that_does_not_fit():
    api = Api("events.read")

    (row,) = api.get("events?document=PO-1")[1]["results"]
    assert (row["type"], row["item"], row["node"], row["quantity"], row["document"]) == (
        "receipt.recorded", "SOCK", "S1", 9, "PO-1",
    )  # fmt: skip
    assert (row["source"], row["received_from"], row["correlation_id"]) == ("pos", "pos", "outage")
    assert row["occurred_at"] < row["recorded_at"]
    for query, field in (
        ({"since": "2026-03-01T10:00:00"}, "since"),
        ({"type": "nothing.happened"}, "type"),
        ({"node": "X"}, "node"),
        ({"after": "x"}, "after"),
    ):
        status, refused = api.get(f"events?{urlencode(query)}")
        assert (status, refused["field"]) == (422, field)
    assert Api("stock.read", name="other").get("events")[0] == 403
