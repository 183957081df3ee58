"""Stock cards: one row per place, whatever is or is not known of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory_control.catalog.models import Item, ItemNode, Node, Supplier
from inventory_control.core import clock
from inventory_control.core.places import Places
from inventory_control.stock.models import DemandDay, StockBalance
from inventory_control.stock.selectors import stock_cards
from inventory_control.stock.values import StockCard

TODAY = date(2026, 3, 10)


@pytest.fixture
def shops(committed) -> tuple[Node, Node]:
    """Two nodes."""
    return Node.objects.create(code="A", name="A"), Node.objects.create(code="B", name="B")


def demand(item: Item, node: Node, day: int, sold: int, lost: int = 0) -> None:
    """What was asked for on a day of March."""
    DemandDay.objects.create(
        item_id=item.pk, node_id=node.pk, day=date(2026, 3, day), sold=sold, lost=lost, lines=1
    )


def test_a_card_tells_what_is_there_planned_and_asked_for(shops):
    a, b = shops
    supplier = Supplier.objects.create(code="S", name="S", lead_time_days=11)
    sock = Item.objects.create(
        sku="SOCK",
        name="Sock",
        unit_cost=Decimal("2.5"),
        unit_price=Decimal("9.99"),
        supplier=supplier,
    )
    hat = Item.objects.create(sku="HAT", name="Hat", unit_cost=1, unit_price=2)
    StockBalance.objects.create(
        item=sock, node=a, sellable=40, reserved=3, allocated=2, changed_at=clock.now()
    )
    ItemNode.objects.create(item=sock, node=a, safety_stock=5, reorder_point=12, is_ranged=False)
    demand(sock, a, 1, 100)
    demand(sock, a, 5, 6, lost=1)
    demand(sock, a, 9, 4)
    demand(sock, a, 10, 50)
    demand(hat, b, 8, 2)
    demand(hat, b, 9, -5)

    cards = stock_cards(
        [(hat.pk, b.pk), (sock.pk, b.pk), (sock.pk, a.pk), (sock.pk, a.pk)],
        since={a.pk: date(2026, 3, 5), b.pk: date(2026, 3, 8)},
        until=TODAY,
    )

    cost, price = Decimal("2.5000"), Decimal("9.9900")
    bare = (0, 0, 0, 0, None, True)
    first = date(2026, 3, 1)
    assert cards == [
        StockCard(sock.pk, a.pk, "SOCK", cost, price, 11, 40, 3, 2, 5, 12, False, first, 11),
        StockCard(sock.pk, b.pk, "SOCK", cost, price, 11, *bare, None, None),
        StockCard(hat.pk, b.pk, "HAT", Decimal(1), Decimal(2), None, *bare, date(2026, 3, 8), 0),
    ]


def test_any_number_of_cards_is_one_statement(shops):
    items = Item.objects.bulk_create([Item(sku=f"I{n}", name="I") for n in range(300)])
    places = Places((item.pk, node.pk) for item in items for node in shops)
    since = {node.pk: date(2026, 3, 1) for node in shops}

    with CaptureQueriesContext(connection) as asked:
        cards = stock_cards(places, since=since, until=TODAY)

    assert ([(one.item_id, one.node_id) for one in cards], len(asked)) == (list(places), 1)


def test_a_place_whose_node_is_not_told_of_has_no_card(shops):
    a, b = shops
    item = Item.objects.create(sku="I", name="I")

    cards = stock_cards([(item.pk, a.pk), (item.pk, b.pk)], since={b.pk: TODAY}, until=TODAY)

    assert [one.node_id for one in cards] == [b.pk]
