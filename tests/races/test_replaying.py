"""Races of replays: two workers, and the source itself sending what is replayed."""

from __future__ import annotations

import msgspec
import pytest

from connectors.models import Replay
from connectors.selectors import is_replay_due
from connectors.services import add_connector, preview_replay, replay_due, start_replay
from connectors.simulators.server import secret_of
from connectors.values import ReplayScope
from inventory_control.core import clock
from inventory_control.events.models import InboundMessage, InventoryEvent
from inventory_control.stock.models import StockBalance
from tests.factories import POSTER, SYSTEM, event, item, node, send
from tests.races.test_posting import assert_books_agree, together


@pytest.mark.req("EVT-09")
def test_two_workers_and_the_source_itself_post_what_is_replayed_once(committed):
    item()
    node()
    add_connector(
        code="wms", name="WMS", adapter="simulator", url="", secret=secret_of("s"), options={},
        by=SYSTEM,
    )  # fmt: skip
    facts = [event("receipt.recorded", 1, source="wms") for _ in range(120)]
    InboundMessage.objects.bulk_create(
        InboundMessage(
            connector="wms",
            delivery_id=f"d{place}",
            received_at=clock.now(),
            body=msgspec.json.encode({"events": [fact]}),
            status="done",
        )
        for place, fact in enumerate(facts)
    )
    previewed = preview_replay(ReplayScope(), reason="outage", by=SYSTEM)
    assert (previewed.messages, previewed.fresh) == (120, 120)
    start_replay(previewed.pk, confirmed=120, by=SYSTEM)

    answers = together(
        committed,
        lambda: replay_due(by=SYSTEM),
        lambda: replay_due(by=SYSTEM),
        lambda: len(send(*facts, by=POSTER, source="wms")),
    )
    while is_replay_due():
        replay_due(by=SYSTEM)

    assert not [answer for answer in answers if isinstance(answer, BaseException)]
    assert (InventoryEvent.objects.count(), StockBalance.objects.get().sellable) == (120, 120)
    done = Replay.objects.get()
    assert (done.status, sum(done.outcomes.values())) == ("done", 120)
    assert_books_agree()
