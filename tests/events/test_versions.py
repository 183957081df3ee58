"""Types and versions: every canonical type posts as itself, in every version that policy takes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection

from inventory_control.catalog.services import put_state_mappings
from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.events.rules import EVENT_TYPES
from inventory_control.events.values import CanonicalEventV1
from inventory_control.reconciliation.services.importing import SnapshotRow, import_snapshot
from inventory_control.stock.api.schemas import EVENT, EVENTS
from inventory_control.stock.models import LedgerEntry, StockBalance
from inventory_control.stock.services import adjust, release
from inventory_control.stock.values import DecidedAdjustment
from tests.factories import SYSTEM, event, item, node, planner, send
from tests.http import Api
from workflows.services import configure


@pytest.fixture(autouse=True)
def places(tenant) -> None:
    """SOCK at S1 and S2."""
    item()
    node()
    node("S2")


def in_version_2(body: dict[str, Any]) -> dict[str, Any]:
    """The same fact as version 2 says it."""
    rest = dict(body)
    told: dict[str, Any] = {"schema_version": 2, "id": rest.pop("source_id")}
    if "item" in rest:
        told["item"] = {"sku": rest.pop("item")}
        told["item"] |= {name: rest.pop(name) for name in ("lot", "serial") if name in rest}
    if "node" in rest:
        told["place"] = {name: rest.pop(name) for name in ("node", "to_node") if name in rest}
    states = {"from_state": "from", "to_state": "to"}
    if state := {short: rest.pop(long) for long, short in states.items() if long in rest}:
        told["state"] = state
    if "order" in rest:
        told["order"] = {"id": rest.pop("order"), "line": rest.pop("line")}
    return {**rest, **told}


_DAYS = ("2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z")
_TOLD: dict[str, dict[str, Any]] = {
    "control_total.declared": {"count": 3, "from": _DAYS[0], "to": _DAYS[1]},
    "item.changed": {"sku": "SOCK"},
    "node.changed": {"code": "S1"},
    "supplier.changed": {"code": "MILL"},
    "consent.given": {"medium": "mail", "purpose": "service"},
    "promotion.changed": {
        "code": "SPRING", "starts_at": _DAYS[0], "ends_at": _DAYS[1], "uplift": "0.5",
    },
}  # fmt: skip
"""What types that say everything in their attributes say there."""


def needed(event_type: str) -> dict[str, Any]:
    """The smallest valid event of a type."""
    values: dict[str, Any] = {
        "item": "SOCK",
        "node": "S1",
        "to_node": "S2",
        "quantity": 3,
        "order": "W-1",
        "line": "1",
        "document": "D-1",
        "due_at": clock.now() + timedelta(days=2),
        "reason": "because",
        "system": "erp",
        "customer": "tok-1",
        "attributes": {"price": 999},
        "to_state": "sellable",
        "corrects": {"source": "pos", "source_id": "first"},
    }
    body = {
        "type": event_type,
        "source_id": f"one-{event_type}",
        "occurred_at": clock.now(),
        **{field: values[field] for field in EVENT_TYPES[event_type].needs},
    }
    if event_type == "event.corrected":
        body["quantity"] = 1
    if event_type in _TOLD:
        body["attributes"] = _TOLD[event_type]
    return body


@pytest.mark.req("EVT-02")
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_every_type_posts_as_its_type(event_type: str, version: int):
    send(event("receipt.recorded", 9, source_id="first"))
    body = needed(event_type)

    (answer,) = send(in_version_2(body) if version == 2 else body)

    assert answer.outcome in ("posted", "noted")
    stored = InventoryEvent.objects.get(pk=answer.event_id)
    assert (stored.type, stored.kind, stored.schema_version) == (
        event_type,
        EVENT_TYPES[event_type].kind,
        version,
    )


@pytest.mark.req("EVT-06")
@pytest.mark.parametrize(
    "body",
    [
        event("sale.recorded", 3, lot="L1", order="W-1", line="2", channel="WEB"),
        event("transfer.shipped", 3, to_node="S2", document="T-1"),
        event("receipt.recorded", 3, to_state="quarantined", lot="L7"),
        event("adjustment.recorded", -3, reason="found", note="behind the shelf"),
    ],
    ids=lambda body: body["type"],
)
def test_both_versions_come_to_the_same_ledger_and_the_same_details(body: dict[str, Any]):
    def came_to(told: dict[str, Any]) -> tuple[list[Any], Any]:
        (answer,) = send(told)
        assert answer.outcome == "posted"
        lines = LedgerEntry.objects.filter(event_id=answer.event_id).order_by("id")
        columns = ("item_id", "node_id", "state", "lot", "quantity", "occurred_at")
        stored = InventoryEvent.objects.get(pk=answer.event_id)
        return list(lines.values_list(*columns)), (stored.details, stored.quantity)

    first = came_to(body)
    second = came_to(in_version_2({**body, "source_id": f"{body['source_id']}-b"}))

    assert first == second
    assert len(first[0]) == 2
    versions = InventoryEvent.objects.order_by("id").values_list("schema_version", flat=True)
    assert list(versions) == [1, 2]


@pytest.mark.req("EVT-06", "EVT-07")
def test_one_event_in_both_versions_is_one_event():
    body = event("receipt.recorded", 5, lot="L1")

    (first,) = send(body)
    (again,) = send(in_version_2(body))

    assert (again.outcome, again.event_id) == ("duplicate", first.event_id)
    assert StockBalance.objects.get().sellable == 5


@pytest.mark.req("EVT-05", "EVT-06")
@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"item": {}}, "invalid_field", "item"),
        ({"item": {"sku": "SOCK", "gtin": "4006381333931"}}, "invalid_field", "item"),
        ({"item": {"sku": 7}}, "invalid_field", "item.sku"),
        ({"item": "SOCK"}, "invalid_field", "item"),
        ({"item": {"gtin": "4006381333931"}}, "unknown_item", "item"),
        ({"place": {"node": "S1", "shelf": "3"}}, "invalid_field", "place"),
        ({"source_id": "x"}, "invalid_field", ""),
        ({"schema_version": 3}, "unknown_version", "schema_version"),
        ({"schema_version": "two"}, "invalid_field", "schema_version"),
    ],
)
def test_a_bad_row_of_version_2_names_its_field(change: dict[str, Any], code: str, field: str):
    (answer,) = send({**in_version_2(event("sale.recorded", 1)), **change})

    letter = DeadLetter.objects.get()
    assert (letter.code, letter.field, answer.code) == (code, field, code)
    assert LedgerEntry.objects.count() == 0


@pytest.mark.req("EVT-06")
def test_a_version_that_is_switched_off_is_refused_and_the_change_says_who():
    ada = planner("workflows.configure", "policies.change")
    configure(key="event_schemas", value={"accepted": [2], "deprecated_since": {}}, by=ada)

    old, new = send(event("sale.recorded", 1), in_version_2(event("sale.recorded", 2)))

    assert (old.code, old.field) == ("version_switched_off", "schema_version")
    assert "send version 2" in old.reason
    assert new.outcome == "posted"
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor_id, data FROM entry WHERE verb = 'policy.set'")
        ((actor, data),) = cursor.fetchall()
    told = msgspec.json.decode(data)
    assert (actor, told["value"]["accepted"], told["was"]["accepted"]) == (ada.id, [2], [1, 2])


@pytest.mark.req("EVT-06")
def test_a_version_on_its_way_out_is_flagged():
    since = (clock.now() - timedelta(days=1)).date().isoformat()
    configure(
        key="event_schemas", value={"accepted": [1, 2], "deprecated_since": {"1": since}}, by=SYSTEM
    )

    send(event("sale.recorded", 1), in_version_2(event("sale.recorded", 2)))

    flags = InventoryEvent.objects.order_by("schema_version").values_list("flags", flat=True)
    assert list(flags) == [["deprecated_version"], []]


@pytest.mark.req("EVT-06")
def test_reservations_go_on_when_version_1_is_switched_off():
    send(event("receipt.recorded", 9))
    configure(key="event_schemas", value={"accepted": [2]}, by=SYSTEM)
    api = Api("stock.reserve", "events.write")
    line = {"order": "W-9", "line": "1", "item": "SOCK", "node": "S1", "quantity": 4}

    assert api.post("reservations", {"lines": [line]})[0] == 201
    assert StockBalance.objects.get().reserved == 4


@pytest.mark.req("EVT-06")
def test_what_the_product_says_itself_goes_on_when_version_1_is_switched_off():
    send(event("receipt.recorded", 9), event("reservation.created", 4, order="W-9", line="1"))
    configure(key="event_schemas", value={"accepted": [2]}, by=SYSTEM)

    assert release(order="W-9", line="1", quantity=3, by=SYSTEM) == 1
    found = DecidedAdjustment("A-1", "SOCK", "S1", "sellable", 2, "found")
    assert list(adjust([found], by=SYSTEM)) == ["A-1"]
    opened = import_snapshot(
        [SnapshotRow("SOCK", "S1", 20)],
        snapshot="today",
        source="erp",
        as_of=clock.now(),
        system="erp",
        may_speak_for=lambda name: name == "erp",
        by=SYSTEM,
    )

    assert opened.counts == {"noted": 1}
    assert (StockBalance.objects.get().reserved, StockBalance.objects.get().sellable) == (1, 11)


@pytest.mark.req("EVT-06")
def test_what_is_kept_of_a_person_is_kept_in_version_1_whatever_it_came_in():
    sale = in_version_2(event("sale.recorded", 1, attributes={"phone": "555 0199"}))

    (refused,) = send(sale)

    kept = msgspec.json.decode(bytes(DeadLetter.objects.get().body), type=CanonicalEventV1)
    assert refused.code == "personal_data"
    assert (kept.schema_version, kept.item, kept.attributes) == (1, "SOCK", {"phone": "(removed)"})


@pytest.mark.req("EVT-16")
def test_a_report_counts_by_its_words_or_by_what_its_source_means_by_them():
    put_state_mappings([{"source": "pos", "code": "available", "state": "sellable"}], by=SYSTEM)
    report = {"type": "position.reported", "item": "SOCK", "node": "S1", "system": "wms"}
    told = [
        {**report, "source_id": word, "occurred_at": clock.now(), "quantity": 5, "to_state": word}
        for word in ("on_hand", "available", "in_transit")
    ]

    assert [answer.outcome for answer in send(*told)] == ["noted"] * 3

    stored = InventoryEvent.objects.order_by("id").values_list("details__to_state", flat=True)
    assert list(stored) == ["on_hand", "sellable", "in_transit"]


@pytest.mark.req("EVT-06")
@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("event_schemas", {"accepted": []}, "accepted"),
        ("event_schemas", {"accepted": [3]}, "accepted"),
        ("event_schemas", {"accepted": ["1"]}, "accepted"),
        ("event_schemas", {"accepted": [1, [2]]}, "accepted"),
        ("event_schemas", {"accepted": [1], "deprecated_since": {"1": "soon"}}, "deprecated_since.1"),
        ("event_schemas", {"accepted": [1], "deprecated_since": {"9": None}}, "deprecated_since"),
        ("event_schemas", {"accept": [1]}, "accept"),
        ("period_lock", {}, "until"),
        ("period_lock", {"until": "yesterday"}, "until"),
        ("period_lock", {"until": 5}, "until"),
        ("suspected_duplicates", {"types": ["sale.recorded"], "within_days": 3}, "types"),
        ("suspected_duplicates", {"types": [], "within_days": 0}, "within_days"),
        ("suspected_duplicates", {"types": [], "within_days": True}, "within_days"),
    ],
)  # fmt: skip
def test_a_policy_that_does_not_hold_together_is_refused(key: str, value: Any, field: str):
    with pytest.raises(Refused) as refused:
        configure(key=key, value=value, by=SYSTEM)

    assert refused.value.field == field


@pytest.mark.req("EVT-06")
def test_the_description_of_the_api_shows_both_versions():
    one, two = EVENT["application/json"]["oneOf"]

    assert "source_id" in one["properties"]
    assert one["properties"]["schema_version"]["maximum"] == 1
    assert two["required"] == ["schema_version", "type", "id", "occurred_at"]
    assert EVENTS["application/json"]["items"]["oneOf"] == [one, two]
