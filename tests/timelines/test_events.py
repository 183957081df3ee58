"""One event's page: what arrived, what was made of it, what it did, who still owes it a part."""

from __future__ import annotations

from typing import Any

import pytest

from inventory_control.core.telemetry import correlated
from inventory_control.events.errors import UnknownEventError
from inventory_control.events.models import EventWork
from inventory_control.timelines.selectors import page_of_event
from tests.factories import event, hour, item, node, outcomes, send
from tests.http import Api


@pytest.fixture(autouse=True)
def places(tenant) -> None:
    """SOCK at S1."""
    item()
    node()


@pytest.mark.req("EVT-01", "EVT-27")
def test_the_page_shows_every_field_raw_and_normalised_side_by_side():
    body = event(
        "receipt.recorded",
        9,
        source="wms",
        business_key="GRN-7/1",
        document="PO-7",
        occurred_at=hour(3),
        correlation_id="delivery-7",
        causation_id="asn-7",
        note="two boxes",
    )
    with correlated("request-1"):
        (posted,) = send(body, event("sale.recorded", 1))[:1]
    api = Api("events.read")

    status, page = api.get(f"events/{posted.event_id}")

    assert status == 200
    told = page["event"]
    assert (told["id"], told["type"], told["source"], told["received_from"]) == (
        str(posted.event_id),
        "receipt.recorded",
        "wms",
        "pos",
    )
    assert (told["source_id"], told["business_key"], told["document"]) == (
        body["source_id"],
        "GRN-7/1",
        "PO-7",
    )
    assert (told["correlation_id"], page["causation_id"]) == ("delivery-7", "asn-7")
    assert (page["tenant"], page["schema_version"]) == ("alder", 1)
    assert told["occurred_at"] < told["recorded_at"]
    assert '"causation_id":"asn-7"' in page["raw"]
    assert page["normalised"]["note"] == "two boxes"
    assert page["normalised"]["source"] == "wms"
    assert [(line["state"], line["quantity"]) for line in page["ledger"]] == [
        ("supplier", -9),
        ("sellable", 9),
    ]
    assert page["audit"]["verb"] == "events.posted"
    assert [work["consumer"] for work in page["work"]] == ["erp", "orders"]
    assert (page["corrects"], page["corrected_by"], page["count"], page["claim"]) == (None,) * 4


@pytest.mark.req("LED-18", "EVT-01")
def test_a_correction_and_what_it_corrects_name_each_other():
    wrong = event("receipt.recorded", 12)
    (first,) = send(wrong)
    (second,) = send(
        event(
            "event.corrected",
            10,
            item=None,
            node=None,
            reason="counted again",
            corrects={"source": "pos", "source_id": wrong["source_id"]},
        )
    )

    original, correction = page_of_event(first.event_id), page_of_event(second.event_id)

    assert (original.corrects, original.corrected_by) == (None, second.event_id)
    assert (correction.corrects, correction.corrected_by) == (first.event_id, None)
    assert correction.event.details["reason"] == "counted again"
    assert sorted(line.quantity for line in correction.lines) == [-12, -10, 10, 12]


@pytest.mark.req("EVT-01")
def test_the_page_shows_the_claim_and_the_count_of_an_event():
    claimed, counted = send(
        event("order.created", 2, order="O1", line="1"), event("stock.counted", 3)
    )
    outcomes(event("order.shipped", 1, order="O1", line="1"))

    claim, count = page_of_event(claimed.event_id).claim, page_of_event(counted.event_id).count

    assert (claim.key, claim.committed, claim.shipped, claim.open) == ("O1/1", 2, 1, 1)
    assert (count.quantity, count.verdict) == (3, "pending")


@pytest.mark.req("EVT-19")
def test_the_page_shows_what_a_consumer_failed_at():
    (posted,) = send(event("transfer.received", 1, document="TO-1"))
    EventWork.objects.filter(consumer="orders").update(attempts=5, error="No such node.")

    waiting, failed = page_of_event(posted.event_id).work

    assert (waiting.consumer, waiting.attempts, waiting.error) == ("erp", 0, "")
    assert (failed.consumer, failed.attempts, failed.error) == ("orders", 5, "No such node.")


def test_two_batches_of_one_moment_are_told_apart_by_their_cause(monkeypatch: Any):
    with correlated("one"):
        (first,) = send(event("receipt.recorded", 1))
    with correlated("two"):
        (second,) = send(event("receipt.recorded", 1))

    entries = [page_of_event(one.event_id).audit for one in (first, second)]

    assert [entry.correlation_id for entry in entries] == ["one", "two"]


def test_the_page_takes_a_constant_number_of_queries(django_assert_max_num_queries: Any):
    (posted, *_) = send(*[event("sale.recorded", 1) for _ in range(300)])

    with django_assert_max_num_queries(8):
        page_of_event(posted.event_id)


def test_an_event_that_never_was_is_not_found():
    with pytest.raises(UnknownEventError):
        page_of_event(10**12)
    assert Api("events.read").get("events/999999999999")[0] == 404
