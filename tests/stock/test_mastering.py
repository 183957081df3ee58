"""Masters by event: applied to the catalog, whatever order the events arrive in."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from exceptions.models import ExceptionCase
from exceptions.services import detect_due
from exceptions.states import Severity
from inventory_control.availability.services import recalculate_due
from inventory_control.catalog.models import Item, Node, Promotion, Supplier
from inventory_control.core import clock
from inventory_control.events.models import DeadLetter, EventWork
from inventory_control.stock.services import follow_masters, mark_promoted
from inventory_control.timers.models import Timer
from tests.factories import SYSTEM, event, hour, item, node, outcomes, send, supplier


def told(
    event_type: str, at: datetime, source_id: str = "", **attributes: object
) -> dict[str, object]:
    """A change of a master, true at a moment; `node` and `item` are left out unless given."""
    fields = {"item": attributes.pop("item", None), "node": attributes.pop("node", None)}
    if source_id:
        fields["source_id"] = source_id
    return event(event_type, occurred_at=at, attributes=attributes, **fields)


def follow(*bodies: dict[str, object]) -> None:
    """Post them one by one, each followed at once."""
    for body in bodies:
        send(body)
        follow_masters(by=SYSTEM)


@pytest.mark.req("EVT-21")
def test_a_price_change_reaches_the_catalog_and_the_later_fact_wins(tenant):
    item()
    node()
    follow(
        told("price.changed", hour(2), item="SOCK", price="12.50", cost="5"),
        told("price.changed", hour(1), item="SOCK", price="11", cost="4.75"),
    )

    sock = Item.objects.get()
    assert (sock.unit_price, sock.unit_cost) == (Decimal("12.5"), Decimal(5))
    assert EventWork.objects.count() == 0


@pytest.mark.req("EVT-21")
def test_masters_come_out_the_same_in_every_order_of_arrival(tenant):
    bodies = [
        told("supplier.changed", hour(1), "m1", code="MILL", name="Mill", lead_time_days=9),
        told("item.changed", hour(2), "m2", sku="HAT", name="Hat", supplier="MILL"),
        told("item.changed", hour(3), "m3", sku="HAT", unit_cost="2.5"),
        told("node.changed", hour(2), "m4", code="S9", name="Nine", kind="store"),
        told("node.changed", hour(4), "m5", code="S9", name="Nine West"),
    ]
    seen = set()
    for number, order in enumerate(itertools.permutations(bodies)):
        if number % 7:
            continue
        Item.objects.all().delete()
        Node.objects.all().delete()
        Supplier.objects.all().delete()
        fresh = [
            {
                **body,
                "source_id": f"{body['source_id']}-{number}",
                "attributes": {
                    key: f"{one}-{number}" if key in ("sku", "code", "supplier") else one
                    for key, one in body["attributes"].items()  # type: ignore[attr-defined]
                },
            }
            for body in order
        ]
        follow(*fresh)
        hat, nine = Item.objects.select_related("supplier").get(), Node.objects.get()
        seen.add((hat.name, hat.unit_cost, hat.supplier.lead_time_days, nine.name, nine.kind))

    assert seen == {("Hat", Decimal("2.5"), 9, "Nine West", "store")}
    assert DeadLetter.objects.count() == 0


@pytest.mark.req("EVT-21")
def test_a_cancelling_that_comes_before_its_promotion_still_cancels_it(tenant):
    item()
    follow(
        told("promotion.changed", hour(3), item="SOCK", code="SAT", cancelled=True),
        told(
            "promotion.changed", hour(2), item="SOCK", code="SAT", uplift="1.5",
            starts_at="2030-01-05T00:00:00Z", ends_at="2030-01-06T00:00:00Z",
        ),
    )  # fmt: skip

    promotion = Promotion.objects.get()
    assert (promotion.code, promotion.is_cancelled, promotion.node) == ("SAT", True, None)
    assert promotion.uplift == Decimal("1.5")


@pytest.mark.parametrize(
    ("attributes", "field", "code"),
    [
        ({"starts_at": "x"}, "attributes.code", "missing_field"),
        ({"code": "A", "starts_at": "soon"}, "attributes.starts_at", "invalid_time"),
        (
            {"code": "A", "starts_at": "2030-01-05T00:00:00", "ends_at": "2030-01-06T00:00:00Z"},
            "attributes.starts_at",
            "invalid_time",
        ),
        (
            {"code": "A", "starts_at": "2030-01-05T00:00:00Z", "ends_at": "2030-01-04T00:00:00Z"},
            "attributes.ends_at",
            "ends_first",
        ),
        (
            {
                "code": "A", "starts_at": "2030-01-05T00:00:00Z",
                "ends_at": "2030-01-06T00:00:00Z", "uplift": "much",
            },
            "attributes.uplift",
            "not_a_share",
        ),
    ],
)  # fmt: skip
def test_a_promotion_that_cannot_be_is_quarantined_at_the_door(tenant, attributes, field, code):
    item()
    node()
    (refusal,) = send(event("promotion.changed", attributes=attributes))

    assert (str(refusal.outcome), refusal.field, refusal.code) == ("quarantined", field, code)


@pytest.mark.parametrize(
    ("attributes", "field"), [({}, "attributes.price"), ({"cost": "-1"}, "attributes.cost")]
)
def test_a_price_that_is_none_is_quarantined(tenant, attributes, field):
    item()
    node()
    (refusal,) = send(event("price.changed", attributes=attributes))

    assert (str(refusal.outcome), refusal.field) == ("quarantined", field)


def test_what_the_catalog_never_takes_ends_as_a_dead_letter_and_stops_nothing(tenant):
    assert outcomes(
        told("item.changed", hour(1), sku="HAT", name="Hat", colour="red"),
        told("item.changed", hour(1), sku="CAP", name="Cap"),
    ) == ["noted", "noted"]
    follow_masters(by=SYSTEM)

    assert list(Item.objects.values_list("sku", flat=True)) == ["CAP"]
    letter = DeadLetter.objects.get()
    assert (letter.code, letter.field) == ("invalid_master", "attributes.colour")
    assert EventWork.objects.count() == 0


MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def two_items():
    """SOCK and HAT at S1, 28 of each sold over a four-week history, 12 of each left on a Monday."""

    def make() -> None:
        mill = supplier(lead_time_days=6)
        for sku in ("SOCK", "HAT"):
            item(sku, supplier=mill)
        node()
        start = MONDAY - timedelta(days=28)
        for sku in ("SOCK", "HAT"):
            send(
                event("stock.opened", 40, item=sku, occurred_at=start - timedelta(hours=1)),
                *(
                    event("sale.recorded", 1, item=sku, occurred_at=start + timedelta(days=day))
                    for day in range(1, 29)
                ),
            )

    return make


@pytest.mark.req("EVT-21")
def test_a_promotion_loaded_for_saturday_changes_the_ranking_before_saturday(tenant, two_items):
    with clock.frozen_at(MONDAY):
        two_items()
        recalculate_due(by=SYSTEM)
        detect_due(by=SYSTEM)
        assert ExceptionCase.objects.filter(kind="stockout").count() == 0

        follow(
            told(
                "promotion.changed", MONDAY, item="HAT", code="SAT", uplift="9",
                starts_at="2026-03-07T00:00:00Z", ends_at="2026-03-08T00:00:00Z",
            )
        )  # fmt: skip
        recalculate_due(by=SYSTEM)
        detect_due(by=SYSTEM)

    case = ExceptionCase.objects.get(kind="stockout")
    # One a day over the 7 days until an order arrives, and 9 more on Saturday: 16 against 12.
    assert (case.key, case.units, case.at_stake) == ("stockout:HAT@S1", 4, Decimal(24))
    assert case.evidence["promoted_units"] == 9
    assert case.evidence["reorder_level"] == 7 + 3 + 9
    assert case.evidence["promotions"] == [
        {
            "code": "SAT",
            "starts_at": "2026-03-07T00:00:00+00:00",
            "ends_at": "2026-03-08T00:00:00+00:00",
            "uplift": "9.000",
        }
    ]
    assert case.severity == Severity.LOW
    assert case.evidence["facts"]["promotions"][0]["code"] == "SAT"


@pytest.mark.req("EVT-21")
def test_a_cancelled_promotion_takes_its_demand_away_again(tenant, two_items):
    with clock.frozen_at(MONDAY):
        two_items()
        follow(
            told(
                "promotion.changed", MONDAY, item="HAT", code="SAT", uplift="9",
                starts_at="2026-03-07T00:00:00Z", ends_at="2026-03-08T00:00:00Z",
            )
        )  # fmt: skip
        recalculate_due(by=SYSTEM)
        detect_due(by=SYSTEM)
        assert ExceptionCase.objects.get().status == "open"
        follow(
            told(
                "promotion.changed", MONDAY + timedelta(minutes=1), item="HAT", code="SAT",
                cancelled=True,
            )
        )  # fmt: skip
        recalculate_due(by=SYSTEM)
        detect_due(by=SYSTEM)

    assert ExceptionCase.objects.get().resolution == "cleared"


@pytest.mark.req("EVT-21")
def test_a_promotion_far_ahead_is_looked_at_when_supply_must_be_ordered(tenant, two_items):
    with clock.frozen_at(MONDAY):
        two_items()
        follow(
            told(
                "promotion.changed", MONDAY, item="HAT", code="LATER", uplift="9",
                starts_at="2026-03-21T00:00:00Z", ends_at="2026-03-22T00:00:00Z",
            )
        )  # fmt: skip
        recalculate_due(by=SYSTEM)
        detect_due(by=SYSTEM)
        assert ExceptionCase.objects.count() == 0
    timer = Timer.objects.get(kind="promotion.nears")
    assert timer.due_at == datetime(2026, 3, 15, tzinfo=UTC)

    with clock.frozen_at(timer.due_at):
        mark_promoted(timer.subject_id)
        recalculate_due(by=SYSTEM)
        detect_due(by=SYSTEM)
    assert ExceptionCase.objects.get().evidence["promotions"][0]["code"] == "LATER"
