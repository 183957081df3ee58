"""The series of an item: exact by day, rebuilt from what was posted, late and corrected included."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from inventory_control.catalog.models import Item, Node
from inventory_control.core import clock
from inventory_control.stock.rules import series_figures
from inventory_control.stock.selectors import item_series
from inventory_control.stock.values import SeriesDay
from tests.factories import event, item, node, send
from tests.http import Api

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 6)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


@pytest.fixture
def week(tenant):
    """Monday to Thursday of one item at two nodes."""
    with clock.frozen_at(at(8)):
        item()
        node()
        node("S2")
        send(
            event("stock.opened", 100, occurred_at=at(1)),
            event("stock.opened", 50, node="S2", occurred_at=at(1)),
            event("sale.recorded", 4, occurred_at=at(2, 0)),
            event("sale.recorded", 3, occurred_at=at(2, 23), source_id="wrong"),
            event("sale.recorded", 5, node="S2", occurred_at=at(3)),
            event("return.received", 2, occurred_at=at(3)),
            event("adjustment.recorded", -1, reason="broken", occurred_at=at(4)),
            event("stock.counted", 92, occurred_at=at(5)),
        )
        # Late, and a correction: one of the three was sold.
        send(
            event("sale.recorded", 2, occurred_at=at(4, 9)),
            event(
                "event.corrected", 1, item=None, node=None, reason="typed 3",
                corrects={"source": "pos", "source_id": "wrong"}, occurred_at=at(7),
            ),
        )  # fmt: skip


@pytest.mark.req("EVT-28")
def test_sold_returned_and_shrink_by_day_everywhere_and_at_a_node(week):

    sock, first = Item.objects.get(), Node.objects.get(code="S1")

    # At S1 100 - 4 - 1 - 1 - 2 leaves 92 sellable: the count finds nothing missing.
    assert item_series(sock.pk, since=FIRST, until=LAST) == [
        SeriesDay(date(2026, 3, 2), 5, 0, 0),
        SeriesDay(date(2026, 3, 3), 5, 2, 0),
        SeriesDay(date(2026, 3, 4), 2, 0, 1),
        SeriesDay(date(2026, 3, 5), 0, 0, 0),
    ]
    assert [day.sold for day in item_series(sock.pk, node_id=first.pk, since=FIRST, until=LAST)] == [
        5, 0, 2, 0,
    ]  # fmt: skip


@pytest.mark.req("EVT-28")
def test_an_accepted_count_below_the_books_is_shrink(week):

    with clock.frozen_at(at(9)):
        send(event("stock.counted", 90, occurred_at=at(8)))

    (day,) = item_series(Item.objects.get().pk, since=date(2026, 3, 8), until=date(2026, 3, 9))
    assert day.shrink == 2


@pytest.mark.req("EVT-28")
def test_the_api_tells_days_and_figures(week):
    status, body = Api("stock.read").get("items/SOCK/series?since=2026-03-02&until=2026-03-06")

    assert status == 200
    assert body["velocity"] == 3.0
    assert body["return_rate"] == pytest.approx(2 / 12)
    assert body["shrink_rate"] == pytest.approx(1 / 12)
    assert body["weekdays"] == {
        "1": pytest.approx(5 / 3), "2": pytest.approx(5 / 3), "3": pytest.approx(2 / 3), "4": 0.0,
    }  # fmt: skip
    assert body["days"][1] == {"day": "2026-03-03", "sold": 5, "returned": 2, "shrink": 0}


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("since=soon", 422, "since"),
        ("since=2026-03-02&until=2026-03-02", 422, "since"),
        ("since=2020-01-01&until=2026-03-02", 422, "since"),
        ("node=NOWHERE", 404, "node"),
    ],
)
def test_what_cannot_be_asked_is_said(week, query, status, field):
    told, problem = Api("stock.read").get(f"items/SOCK/series?{query}")

    assert (told, problem["field"]) == (status, field)


def test_nothing_sold_has_no_rates():
    figures = series_figures([SeriesDay(FIRST, 0, 1, 2)])

    assert (figures.velocity, figures.return_rate, figures.shrink_rate, figures.weekdays) == (
        0.0, None, None, {},
    )  # fmt: skip
