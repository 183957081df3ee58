"""Sources are rolled up, named and looked at by several at once, while their events arrive."""

from __future__ import annotations

import pytest
from django.db.models import Max

from exceptions.services import detect_due, follow_serials, watch_sources
from inventory_control.core import clock
from inventory_control.events.models import InventoryEvent, Serial, Source
from inventory_control.events.services import put_sources
from tests.factories import SYSTEM, event, item, node, outcomes
from tests.races.test_posting import together


@pytest.mark.req("EVT-04", "LED-27")
def test_nobody_waits_for_ever_and_nothing_that_was_said_is_lost(committed):
    item()
    node()
    names = [f"src-{number}" for number in range(6)]

    def post() -> None:
        for number in range(15):
            outcomes(
                *(
                    event("receipt.recorded", 1, source=name)
                    for name in names[:: 1 - 2 * (number % 2)]
                )
            )

    def watch() -> None:
        for _ in range(15):
            watch_sources(by=SYSTEM)

    def detect() -> None:
        for _ in range(15):
            for one in names[:2]:  # each alone: nobody holds one and waits for another
                Source.objects.filter(code=one).update(is_noted=True)
            detect_due(by=SYSTEM)

    def name() -> None:
        for number in range(15):
            put_sources(
                [
                    {"code": one, "owner": f"team {number}", "expected_minutes": 30}
                    for one in names[::-1]
                ],
                by=SYSTEM,
            )

    answers = together(committed, post, post, watch, watch, detect, name)

    assert [answer for answer in answers if isinstance(answer, BaseException)] == []
    watch_sources(by=SYSTEM)
    told = dict(Source.objects.values_list("code", "last_event_id"))
    assert told == dict(InventoryEvent.objects.values_list("source").annotate(last=Max("id")))
    assert set(Source.objects.values_list("owner", "expected_minutes")) == {("team 14", 30)}
    # Whoever named the interval last set a moment to look at, which no roll-up wrote over.
    assert all(moment > clock.now() for moment in Source.objects.values_list("look_at", flat=True))


@pytest.mark.req("EVT-26")
def test_serials_followed_by_several_end_as_their_whole_story_says(committed):
    item()
    node()

    def tell(kind: str) -> None:
        for number in range(12):
            outcomes(
                event(
                    kind,
                    1,
                    serial=f"N{number}",
                    source_id=f"{kind}-{number}",
                    occurred_at=clock.now(),
                )
            )
            follow_serials(by=SYSTEM)

    sold = clock.now()
    outcomes(*(event("sale.recorded", 1, serial=f"N{n}", occurred_at=sold) for n in range(12)))
    answers = together(
        committed,
        lambda: tell("return.received"),
        lambda: tell("damage.recorded"),
        lambda: follow_serials(by=SYSTEM),
    )
    follow_serials(by=SYSTEM)

    assert [answer for answer in answers if isinstance(answer, BaseException)] == []
    assert Serial.objects.count() == 12
    assert set(Serial.objects.values_list("is_unknown", flat=True)) == {False}
    assert not Serial.objects.filter(returned_at__isnull=True).exists()
