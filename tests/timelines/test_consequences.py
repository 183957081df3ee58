"""What a late or wrong event touched, and putting it back in the queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from exceptions.models import ExceptionCase
from exceptions.services import detect_due, resolve
from inventory_control.audit.selectors import timeline_of
from inventory_control.availability.models import Availability, Push
from inventory_control.availability.services import acknowledge, begin_push, recalculate_due
from inventory_control.catalog.models import Channel
from inventory_control.core import clock
from inventory_control.timelines.selectors import touched_by
from inventory_control.timelines.services import reopen_touched
from inventory_control.timelines.values import Touched
from tests.factories import (
    SYSTEM,
    at_node,
    channel,
    event,
    hour,
    item,
    node,
    outcomes,
    planner,
    send,
)
from tests.http import Api


@pytest.fixture(autouse=True)
def shop(tenant) -> Any:
    """SOCK at S1, low below six, sold on WEB; CAP beside it."""
    sock, shop = item(), node()
    at_node(sock, shop, reorder_point=6)
    at_node(item("CAP"), shop, reorder_point=6)
    channel("WEB", shop)
    channel("FAR", node("S2"))
    return sock


def look() -> None:
    """Let detection see what changed."""
    recalculate_due(by=SYSTEM)
    detect_due(by=SYSTEM)


def pushed(of: Any, quantity: int, to: str = "WEB", **ago: Any) -> tuple[str, int]:
    """A figure a channel acknowledged just now, or some time ago: the channel and the units."""
    figure, _ = Availability.objects.update_or_create(
        item=of,
        channel=Channel.objects.get(code=to),
        defaults={
            "ats": quantity,
            "quantity": quantity,
            "published": None,
            "changed_at": clock.now(),
            "computed_at": clock.now(),
        },
    )
    Availability.objects.filter(pk=figure.pk).update(version=F("version") + 1)
    push = begin_push(channel=to, key=f"{to}:{quantity}", limit=1_000)
    assert push is not None
    acknowledge(push)
    Push.objects.filter(pk=push.id).update(acknowledged_at=clock.now() - timedelta(**ago))
    return to, quantity


def told_by(touched: Touched) -> list[tuple[str, int]]:
    """The figures that were told meanwhile, as `pushed` gives them."""
    return [(one.channel, one.quantity) for one in touched.pushes]


@pytest.mark.req("LED-18")
def test_a_correction_lists_the_cases_and_pushes_that_used_the_wrong_number(shop: Any):
    pushed(shop, 99, hours=1)
    wrong = event("receipt.recorded", 2)
    (first,) = send(wrong, event("receipt.recorded", 2, item="CAP"))[:1]
    look()
    case = ExceptionCase.objects.get(item=shop)
    told, _far = pushed(shop, 2), pushed(shop, 2, "FAR")
    (second,) = send(
        event(
            "event.corrected",
            20,
            item=None,
            node=None,
            reason="typing error",
            corrects={"source": "pos", "source_id": wrong["source_id"]},
        )
    )
    pushed(shop, 20)

    correction, original = touched_by(second.event_id), touched_by(first.event_id)

    assert (correction.reason, original.reason) == ("correction", "corrected")
    for touched in (correction, original):
        assert [one.pk for one in touched.cases] == [case.pk]
        assert told_by(touched) == [told]


@pytest.mark.req("EVT-10")
def test_a_late_event_lists_what_was_done_while_it_was_missing(shop: Any):
    outcomes(event("receipt.recorded", 2))
    look()
    case = ExceptionCase.objects.get(item=shop)
    told = pushed(shop, 2)

    (late,) = send(event("receipt.recorded", 9, occurred_at=hour(1)))
    touched = touched_by(late.event_id)

    assert (touched.reason, touched.since) == ("late", hour(1))
    assert ([one.pk for one in touched.cases], told_by(touched)) == ([case.pk], [told])


def test_an_event_in_time_touched_nothing(shop: Any):
    (posted,) = send(event("receipt.recorded", 2))
    look()

    touched = touched_by(posted.event_id)

    assert (touched.reason, touched.since, touched.cases) == ("in time", None, ())


@pytest.mark.req("LED-18")
def test_chosen_cases_are_opened_again_with_the_event_as_reason(shop: Any):
    outcomes(event("receipt.recorded", 2), event("receipt.recorded", 2, item="CAP"))
    look()
    case, other = ExceptionCase.objects.order_by("item__sku").reverse()
    resolve(case, reason="ordered by telephone", by=SYSTEM)
    (late,) = send(event("receipt.recorded", 1, occurred_at=hour(1)))
    api = Api("events.read", "exceptions.handle")
    where = f"events/{late.event_id}/consequences"

    status, refused = api.post(f"{where}/reopen", {"cases": [case.pk, other.pk], "reason": "x"})
    assert (status, refused["code"]) == (422, "not_touched")
    case.refresh_from_db()
    assert case.status == "resolved"
    assert [one["id"] for one in api.get(where)[1]["cases"]] == [case.pk]
    status, (reopened,) = api.post(f"{where}/reopen", {"cases": [case.pk], "reason": "late goods"})

    case.refresh_from_db()
    assert (status, reopened["status"], case.status) == (200, "open", "open")
    assert case.reason == f"Event {late.event_id}: late goods"
    (told,) = timeline_of(("event", str(late.event_id)))
    assert (told.verb, told.data["cases"]) == ("event.consequences_reopened", [case.pk])
    assert api.post(f"{where}/reopen", {"cases": [case.pk], "reason": "again"})[0] == 409


def test_re_opening_needs_the_right_to_handle_cases(shop: Any):
    (late,) = send(event("receipt.recorded", 1, occurred_at=hour(1)))

    with pytest.raises(Exception, match=r"exceptions\.handle"):
        reopen_touched(late.event_id, case_ids=[1], reason="x", by=planner("events.read"))
