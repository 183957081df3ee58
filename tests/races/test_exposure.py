"""Races on what channels show: recalculating, acknowledging and selling at the same moment."""

from __future__ import annotations

import random
import time

import pytest
from django.db import transaction

from inventory_control.availability.models import Availability, ExposureHold, Push
from inventory_control.availability.selectors import ats_of
from inventory_control.availability.services import (
    acknowledge,
    begin_push,
    recalculate_due,
    set_rule,
)
from inventory_control.availability.values import RuleTerms
from inventory_control.catalog.models import Item
from tests.factories import SYSTEM, channel, event, item, node, send
from tests.races.test_posting import together

SKUS = [f"I{number}" for number in range(6)]
ROUNDS = 4


def stocked() -> None:
    """Six items of 30 at DC1, sold on MK, which a rule takes off below 20 and lets back at once."""
    dc = node("DC1")
    channel("MK", dc)
    for sku in SKUS:
        item(sku)
    send(*(event("stock.opened", 30, item=sku, node="DC1") for sku in SKUS))
    set_rule(
        RuleTerms("mk-low", 20, 24, 0, "Keep the last.", node="DC1", channels=("MK",)), by=SYSTEM
    )
    recalculate_due(by=SYSTEM)


def move(seed: int) -> None:
    """Sales and receipts around the lines, each followed by a recalculation."""
    draw = random.Random(seed)
    for _ in range(ROUNDS):
        skus = draw.sample(SKUS, 4)
        kind = draw.choice(["sale.recorded", "receipt.recorded"])
        send(*(event(kind, draw.randint(3, 8), item=sku, node="DC1") for sku in skus))
        recalculate_due(by=SYSTEM)


def tell() -> None:
    """A channel that is told and acknowledges all the while."""
    for _ in range(ROUNDS * 2):
        push = begin_push(channel="MK", key="race", limit=100)
        if push is not None:
            acknowledge(push)


@pytest.mark.req("LED-07", "LED-12", "LED-14")
def test_figures_holds_and_receipts_agree_after_everything_at_once(committed):
    stocked()

    answers = together(committed, *(lambda seed=seed: move(seed) for seed in range(2)), tell)

    assert answers == [None] * 3
    recalculate_due(by=SYSTEM)
    tell()
    held = set(ExposureHold.objects.filter(status="held").values_list("item_id", flat=True))
    items = list(Item.objects.values_list("pk", flat=True))
    now = {place[0]: units for place, units in ats_of(items).items()}
    for one in Availability.objects.all():
        assert one.ats == now[one.item_id]
        assert one.quantity == (0 if one.item_id in held else max(0, one.ats))
        assert one.published == one.quantity
        assert one.item_id in held if one.ats < 20 else True
        assert one.item_id not in held if one.ats >= 24 else True
    assert all(one.latest_for >= 0 for one in Push.objects.all())
    assert sum(one.latest_for for one in Push.objects.all()) == len(SKUS)


@pytest.mark.req("LED-07", "LED-14")
def test_an_older_recalculation_never_covers_a_newer_one(committed):
    """The first one reads both items and waits for a row; meanwhile more of the second comes."""
    stocked()
    first, second = Item.objects.order_by("pk")[:2]
    send(*(event("receipt.recorded", 1, item=one.sku, node="DC1") for one in (first, second)))

    def receive_meanwhile() -> int:
        time.sleep(0.5)
        send(event("receipt.recorded", 5, item=second.sku, node="DC1"))
        return recalculate_due(by=SYSTEM)

    def hold_the_row() -> None:
        with transaction.atomic():
            list(Availability.objects.select_for_update().filter(item=first))
            time.sleep(1.5)

    def recalculate_first() -> int:
        time.sleep(0.2)
        return recalculate_due(by=SYSTEM)

    together(committed, hold_the_row, recalculate_first, receive_meanwhile)

    assert Availability.objects.get(item=second).ats == 36
