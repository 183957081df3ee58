"""Replays: previewed, confirmed, through the same door, never twice, never against a legal hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from connectors.errors import LegalHoldError, PreviewMismatchError, StalePreviewError
from connectors.models import Replay
from connectors.selectors import is_replay_due
from connectors.services import (
    add_connector,
    lift_hold,
    place_hold,
    preview_replay,
    replay_due,
    start_replay,
    stop_replay,
)
from connectors.services import replaying as replaying_module
from connectors.simulators.server import secret_of
from connectors.values import ReplayScope
from inventory_control.audit.selectors import timeline_of
from inventory_control.core import clock
from inventory_control.core.errors import NotPermitted, Refused
from inventory_control.events.models import (
    DeadLetter,
    InboundMessage,
    InventoryEvent,
    Redelivery,
)
from inventory_control.pipeline import run_stage
from inventory_control.stock.selectors import positions_of
from tests.factories import SYSTEM, event, hour, item, node, outcomes, planner, send
from tests.http import Api

ALL = ReplayScope()


@pytest.fixture(autouse=True)
def places(tenant) -> Any:
    """SOCK at S1, and who may replay."""
    node()
    return item()


def replay(scope: ReplayScope = ALL) -> Replay:
    """Preview, confirm and run a replay; as it is afterwards."""
    previewed = preview_replay(scope, reason="checking", by=SYSTEM)
    start_replay(previewed.pk, confirmed=previewed.total, by=SYSTEM)
    replay_due(by=SYSTEM)
    return Replay.objects.get(pk=previewed.pk)


def message(*bodies: dict[str, Any], status: str = "done", raw: bytes | None = None) -> Any:
    """A webhook of the simulator as it is kept."""
    add_connector(
        code="wms", name="WMS", adapter="simulator", url="", secret=secret_of("s"), options={},
        by=SYSTEM,
    )  # fmt: skip
    return InboundMessage.objects.create(
        connector="wms",
        delivery_id=f"d{InboundMessage.objects.count()}",
        received_at=clock.now(),
        body=raw or msgspec.json.encode({"events": list(bodies)}),
        status=status,
    )


@pytest.mark.req("EVT-09")
def test_a_replay_of_everything_changes_no_figure_and_says_so(places: Any):
    outcomes(
        event("stock.opened", 10),
        event("receipt.recorded", 5, business_key="GRN-1/1"),
        event("sale.recorded", 3),
        event("reservation.created", 2, order="O1", line="1"),
        event("stock.counted", 11),
    )
    before = (positions_of([places.pk]), InventoryEvent.objects.count())

    done = replay()

    assert (done.status, done.events, done.fresh, done.done) == ("done", 5, 0, 5)
    assert done.outcomes == {"duplicate": 5}
    assert (positions_of([places.pk]), InventoryEvent.objects.count()) == before
    assert not is_replay_due()


@pytest.mark.req("EVT-09")
def test_a_replay_is_audited_with_who_what_and_how_it_ended():
    outcomes(event("receipt.recorded", 5))
    ada = planner("events.replay")
    previewed = preview_replay(ReplayScope(source="pos"), reason="POS was down", by=ada)
    start_replay(previewed.pk, confirmed=1, by=ada)
    replay_due(by=SYSTEM)

    told = timeline_of(("replay", str(previewed.pk)))

    assert [one.verb for one in told] == ["replay.finished", "replay.started", "replay.previewed"]
    assert told[0].data["outcomes"] == {"duplicate": 1}
    assert told[1].actor_id == told[2].actor_id == ada.id
    assert (told[2].data["source"], told[2].data["reason"], told[2].data["count"]) == (
        "pos",
        "POS was down",
        1,
    )


@pytest.mark.req("EVT-09")
@pytest.mark.parametrize(
    ("label", "scope", "count"),
    [
        ("all", {}, 4),
        ("source", {"source": "wms"}, 1),
        ("type", {"type": "sale.recorded"}, 2),
        ("both", {"source": "pos", "type": "receipt.recorded"}, 1),
        ("future", {"since": timedelta(hours=1)}, 0),
        ("window", {"since": timedelta(hours=-1), "until": timedelta(hours=1)}, 4),
        ("past", {"until": timedelta(hours=-1)}, 0),
    ],
)
def test_a_scope_covers_what_it_names(label: str, scope: dict[str, Any], count: int):
    outcomes(event("receipt.recorded", 5), event("sale.recorded", 1), event("sale.recorded", 1))
    send(event("receipt.recorded", 2), source="wms")
    asked = {
        name: clock.now() + value if isinstance(value, timedelta) else value
        for name, value in scope.items()
    }

    previewed = preview_replay(ReplayScope(**asked), reason=label, by=SYSTEM)

    assert (previewed.events, previewed.total, previewed.status) == (count, count, "previewed")


@pytest.mark.req("EVT-09")
def test_a_single_event_is_replayed_alone():
    first, second = send(event("receipt.recorded", 5), event("sale.recorded", 1))

    done = replay(ReplayScope(event_id=second.event_id))

    assert (done.events, done.outcomes) == (1, {"duplicate": 1})
    with pytest.raises(Refused, match="There is no event"):
        preview_replay(ReplayScope(event_id=10**9), reason="x", by=SYSTEM)
    with pytest.raises(Refused, match="nothing beside"):
        preview_replay(ReplayScope(event_id=first.event_id, source="pos"), reason="x", by=SYSTEM)


@pytest.mark.req("EVT-09")
def test_nothing_runs_before_the_previewed_number_is_confirmed():
    outcomes(event("receipt.recorded", 5))
    previewed = preview_replay(ALL, reason="x", by=SYSTEM)

    assert replay_due(by=SYSTEM) == 0
    with pytest.raises(PreviewMismatchError, match="counted 1, not 2"):
        start_replay(previewed.pk, confirmed=2, by=SYSTEM)
    Replay.objects.update(previewed_at=clock.now() - timedelta(minutes=61))
    with pytest.raises(StalePreviewError):
        start_replay(previewed.pk, confirmed=1, by=SYSTEM)

    previewed.refresh_from_db()
    assert (previewed.status, Redelivery.objects.count()) == ("previewed", 0)


def test_what_arrives_after_the_preview_is_no_part_of_it():
    outcomes(event("receipt.recorded", 5))
    previewed = preview_replay(ALL, reason="x", by=SYSTEM)
    outcomes(event("receipt.recorded", 7))

    start_replay(previewed.pk, confirmed=1, by=SYSTEM)
    replay_due(by=SYSTEM)

    previewed.refresh_from_db()
    assert previewed.outcomes == {"duplicate": 1}


@pytest.mark.req("EVT-09")
def test_a_message_whose_events_never_came_through_is_posted_once(places: Any):
    kept = message(event("receipt.recorded", 9, source_id="m1"), status="dead")
    letter = DeadLetter.objects.create(
        source="wms", source_id=kept.delivery_id, received_from="wms", received_at=clock.now(),
        outcome="quarantined", code="unreadable_message", reason="x", body=kept.body,
        content=b"c",
    )  # fmt: skip
    previewed = preview_replay(ALL, reason="x", by=SYSTEM)
    assert (previewed.events, previewed.messages, previewed.letters, previewed.fresh) == (
        0, 1, 0, 1,
    )  # fmt: skip

    first, again = replay(), replay()

    assert (first.outcomes, again.outcomes) == ({"posted": 1}, {"duplicate": 2})
    posted = InventoryEvent.objects.get()
    assert (posted.received_from, posted.source, posted.quantity) == ("wms", "wms", 9)
    assert [one.sellable for one in positions_of([places.pk]).values()] == [9]
    kept.refresh_from_db()
    letter.refresh_from_db()
    assert (kept.status, letter.status) == ("done", "retried")


def test_a_message_that_still_cannot_be_read_stays_dead():
    kept = message(status="dead", raw=b"{")

    done = replay()

    kept.refresh_from_db()
    assert (done.outcomes, kept.status) == ({"unreadable": 1}, "dead")


@pytest.mark.req("EVT-09", "EVT-05")
def test_a_dead_letter_whose_cause_was_mended_becomes_an_event_and_others_stay():
    outcomes(event("receipt.recorded", 4, item="CAP"), event("receipt.recorded", -1))
    item("CAP")

    done = replay()

    assert (done.letters, done.fresh, done.outcomes) == (2, 1, {"posted": 1, "quarantined": 1})
    status = dict(DeadLetter.objects.values_list("code", "status"))
    assert status == {"unknown_item": "retried", "not_positive": "open"}


@pytest.mark.req("EVT-09")
def test_a_replay_grants_nobody_what_the_first_sender_lacked():
    outcomes(event("receipt.recorded", 5))
    send(event("stock.opened", 100), by=planner("events.write"), source="pos")

    done = replay()

    assert (done.letters, done.outcomes) == (0, {"duplicate": 1})
    assert DeadLetter.objects.get().status == "open"


@pytest.mark.req("EVT-09")
def test_the_sources_themselves_are_not_said_to_repeat_themselves():
    outcomes(event("receipt.recorded", 5))

    done = replay()

    assert list(Redelivery.objects.values_list("received_from", "events")) == [
        (f"replay {done.pk}", 1)
    ]


@pytest.mark.req("EVT-09")
@pytest.mark.parametrize(
    ("label", "hold", "is_covered"),
    [
        ("everything", {}, True),
        ("its source", {"source": "pos"}, True),
        ("another source", {"source": "erp"}, False),
        ("its item", {"sku": "SOCK"}, True),
        ("another item", {"sku": "CAP"}, False),
        ("when it happened", {"since": hour(9), "until": hour(11)}, True),
        ("another time", {"since": hour(1), "until": hour(9)}, False),
        ("its item at another time", {"sku": "SOCK", "until": hour(9)}, False),
    ],
)
def test_a_legal_hold_refuses_what_it_covers(label: str, hold: dict[str, Any], is_covered: bool):
    item("CAP")
    outcomes(event("receipt.recorded", 5, occurred_at=hour(10)))
    placed = place_hold(reason=label, **hold, by=SYSTEM)

    if is_covered:
        with pytest.raises(LegalHoldError, match=f"Legal hold {placed.pk}") as refused:
            preview_replay(ALL, reason="x", by=SYSTEM)
        assert (refused.value.status, refused.value.extra) == (409, {"hold": placed.pk})
        assert Replay.objects.count() == 0
        lift_hold(placed.pk, reason="settled", by=SYSTEM)
    assert preview_replay(ALL, reason="x", by=SYSTEM).events == 1


@pytest.mark.req("EVT-09")
@pytest.mark.parametrize("kind", ["message", "unreadable message", "letter"])
def test_a_legal_hold_covers_what_has_not_become_an_event(kind: str):
    if kind == "letter":
        outcomes(event("receipt.recorded", -4))
    else:
        raw = b"{" if kind == "unreadable message" else None
        message(event("receipt.recorded", 9), status="dead", raw=raw)
    place_hold(reason="dispute", sku="SOCK", by=SYSTEM)

    with pytest.raises(LegalHoldError):
        preview_replay(ALL, reason="x", by=SYSTEM)


@pytest.mark.req("EVT-09")
def test_a_hold_placed_meanwhile_keeps_a_preview_from_starting_and_stops_what_runs(
    monkeypatch: pytest.MonkeyPatch,
):
    outcomes(*[event("receipt.recorded", 1) for _ in range(4)])
    waiting, running = (preview_replay(ALL, reason="x", by=SYSTEM) for _ in range(2))
    start_replay(running.pk, confirmed=4, by=SYSTEM)
    monkeypatch.setattr(replaying_module, "EVENTS_AT_ONCE", 2)
    replaying_module._batch(running.pk, SYSTEM)
    place_hold(reason="dispute", by=SYSTEM)

    with pytest.raises(LegalHoldError):
        start_replay(waiting.pk, confirmed=4, by=SYSTEM)
    replay_due(by=SYSTEM)

    running.refresh_from_db()
    assert (running.status, running.done, running.outcomes) == ("stopped", 2, {"duplicate": 2})
    assert "dispute" in running.error


def test_a_replay_goes_on_where_a_killed_worker_left_it(monkeypatch: pytest.MonkeyPatch):
    outcomes(*[event("receipt.recorded", 1) for _ in range(5)])
    previewed = preview_replay(ALL, reason="x", by=SYSTEM)
    start_replay(previewed.pk, confirmed=5, by=SYSTEM)
    monkeypatch.setattr(replaying_module, "EVENTS_AT_ONCE", 2)

    replaying_module._batch(previewed.pk, SYSTEM)
    previewed.refresh_from_db()
    assert (previewed.done, previewed.status) == (2, "running")
    replay_due(by=SYSTEM)

    previewed.refresh_from_db()
    assert (previewed.done, previewed.outcomes) == (5, {"duplicate": 5})


def test_a_replay_is_stopped_for_a_reason():
    outcomes(event("receipt.recorded", 1))
    previewed = preview_replay(ALL, reason="x", by=SYSTEM)
    with pytest.raises(Refused, match="Say why"):
        stop_replay(previewed.pk, reason=" ", by=SYSTEM)

    stopped = stop_replay(previewed.pk, reason="not needed", by=SYSTEM)

    assert (stopped.status, stopped.error) == ("stopped", "not needed")


def test_who_replays_may_not_lift_a_hold_and_the_other_way_round():
    hold = place_hold(reason="dispute", by=planner("events.hold"))

    with pytest.raises(NotPermitted):
        lift_hold(hold.pk, reason="x", by=planner("events.replay"))
    with pytest.raises(NotPermitted):
        preview_replay(ALL, reason="x", by=planner("events.hold"))


@pytest.mark.req("EVT-09")
def test_the_api_previews_then_starts_on_the_number_and_names_the_hold():
    outcomes(event("receipt.recorded", 5))
    api = Api("events.replay", "events.read", "events.hold")

    status, previewed = api.post("replays", {"source": "pos", "reason": "outage"})
    assert (status, previewed["status"], previewed["total"]) == (201, "previewed", 1)
    mine = f"replays/{previewed['id']}"
    assert api.post(f"{mine}/start", {"confirmed": 7})[0] == 409
    status, hold = api.post("legal-holds", {"item": "SOCK", "reason": "dispute"})
    assert (status, hold["item"]) == (201, "SOCK")
    status, refused = api.post(f"{mine}/start", {"confirmed": 1})
    assert (status, refused["code"], refused["hold"]) == (409, "legal_hold", hold["id"])
    assert api.post(f"legal-holds/{hold['id']}/lift", {"reason": "settled"})[0] == 200
    assert api.post(f"{mine}/start", {"confirmed": 1})[1]["status"] == "running"

    run_stage("replay")

    assert api.get(mine)[1]["outcomes"] == {"duplicate": 1}
    assert [row["id"] for row in api.get("replays")[1]["results"]] == [previewed["id"]]
    assert api.get("legal-holds")[1]["results"][0]["status"] == "lifted"
    assert api.get("replays/999999999")[0] == 404
