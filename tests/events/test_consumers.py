"""Independent consumers: one that fails leaves the others done, and can be tried again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from inventory_control.audit.selectors import timeline_of
from inventory_control.core.errors import NotPermitted, Refused
from inventory_control.events.errors import UnknownWorkError
from inventory_control.events.models import EventWork
from inventory_control.events.selectors import dead_work, is_work_due, routing
from inventory_control.events.services import retry_work, work_through
from inventory_control.stock.selectors import positions_of
from tests.factories import SYSTEM, event, item, node, outcomes, planner, send
from tests.http import Api


@pytest.fixture(autouse=True)
def three_consumers(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A return goes to the ledger, to customer messages and to a fraud review."""
    node()
    routes = {"return.received": ("messages", "review")}
    monkeypatch.setattr(routing, "ROUTES", routes)
    return item()


def give_up(consumer: str) -> None:
    """Let a consumer fail as often as it may."""

    def fail(_event_ids: Sequence[int]) -> None:
        raise Refused("The mail server is gone.")

    for _ in range(5):
        work_through(consumer, fail)


@pytest.mark.req("EVT-19")
def test_a_failing_consumer_leaves_the_ledger_and_the_other_done(three_consumers: Any):
    (posted,) = send(event("return.received", 1))
    seen: list[int] = []

    give_up("messages")
    work_through("review", seen.extend)

    assert [one.received for one in positions_of([three_consumers.pk]).values()] == [1]
    assert seen == [posted.event_id]
    (left,) = dead_work()
    assert (left.consumer, left.attempts, left.error) == ("messages", 5, "The mail server is gone.")
    assert (is_work_due("messages"), is_work_due("review")) == (False, False)


@pytest.mark.req("EVT-19")
def test_one_bad_event_stops_no_other_of_its_consumer():
    bad, good = send(event("return.received", 1), event("return.received", 2))
    seen: list[int] = []

    def read(event_ids: Sequence[int]) -> None:
        if bad.event_id in event_ids:
            raise Refused("This one cannot be read.")
        seen.extend(event_ids)

    work_through("review", read)

    assert seen == [good.event_id]


@pytest.mark.req("EVT-19")
def test_dead_work_is_tried_again_by_who_may_and_recorded():
    outcomes(event("return.received", 1))
    give_up("messages")
    api = Api("events.read", "events.retry")
    (row,) = api.get("event-work")[1]["results"]
    assert (row["consumer"], row["event_type"], row["error"]) == (
        "messages", "return.received", "The mail server is gone.",
    )  # fmt: skip
    with pytest.raises(NotPermitted):
        retry_work([row["id"]], by=planner("events.read"))

    assert api.post("event-work/retry", {"work": [row["id"]]})[1] == {"retried": 1}
    seen: list[int] = []
    work_through("messages", seen.extend)

    assert [str(pk) for pk in seen] == [row["event_id"]]
    assert not EventWork.objects.filter(consumer="messages").exists()
    (told,) = timeline_of(("eventwork", str(row["id"])))
    assert (told.verb, told.data["error"]) == ("event_work.retried", "The mail server is gone.")


def test_work_that_is_not_dead_is_refused_and_nothing_is_tried_again():
    outcomes(event("return.received", 1))
    give_up("messages")
    (dead,) = dead_work()
    alive = EventWork.objects.get(consumer="review")

    with pytest.raises(UnknownWorkError, match=str(alive.pk)):
        retry_work([dead.pk, alive.pk], by=SYSTEM)

    assert EventWork.objects.get(pk=dead.pk).attempts == 5
