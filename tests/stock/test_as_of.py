"""Positions of the past: as the ledger knows them today, and as they were known then."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

import pytest

from inventory_control.core import clock
from inventory_control.stock.selectors import position_as_of
from tests.factories import event, hour, item, node, outcomes
from tests.http import Api


@pytest.mark.req("LED-22")
def test_yesterdays_figure_can_be_asked_for_as_known_today_and_as_known_then(tenant):
    sock, shop = item(), node()
    outcomes(
        event("receipt.recorded", 10, occurred_at=hour(8)),
        event("sale.recorded", 3, occurred_at=hour(13)),
        event("sale.recorded", 2, occurred_at=hour(15)),
    )
    seen_then = clock.now()
    outcomes(event("sale.recorded", 1, occurred_at=hour(9)), event("sale.recorded", 1, node="S1"))
    api = Api("stock.read")

    def asked(**query: datetime) -> object:
        text = {name: moment.isoformat() for name, moment in query.items()}
        return api.get(f"items/SOCK/positions/as-of?{urlencode(text)}")[1]["positions"]

    assert asked(at=hour(14)) == [{"node": "S1", "states": {"sellable": 6}}]
    assert asked(at=hour(14), known_at=seen_then) == [{"node": "S1", "states": {"sellable": 7}}]
    assert asked(at=hour(7)) == []
    assert position_as_of(sock.pk, shop.pk, hour(14))["sellable"] == 6
    assert asked(at=clock.now()) == [{"node": "S1", "states": {"sellable": 3}}]


@pytest.mark.req("LED-22")
def test_a_count_sets_the_figure_from_its_own_moment_on(tenant):
    sock, shop = item(), node()
    outcomes(event("receipt.recorded", 10, occurred_at=hour(8)))
    outcomes(event("stock.counted", 9, occurred_at=hour(12)))

    figures = [position_as_of(sock.pk, shop.pk, hour(n)).get("sellable", 0) for n in (7, 11, 13)]

    assert figures == [0, 10, 9]


def test_a_moment_without_its_offset_is_refused_by_name(tenant):
    item()
    api = Api("stock.read")

    for query, field in (("", "at"), ("?at=yesterday", "at"), ("?at=2026-03-01T10:00:00", "at")):
        status, refused = api.get(f"items/SOCK/positions/as-of{query}")
        assert (status, refused["field"]) == (422, field)
    assert api.get("items/NOPE/positions/as-of?at=2026-03-01T10:00:00Z")[0] == 404
