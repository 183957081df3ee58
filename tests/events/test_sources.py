"""Sources: heard, expected, silent, skewed, scored; and how old positions are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exceptions.models import ExceptionCase
from exceptions.services import detect_due, resolve, watch_sources
from exceptions.states import Resolution, Status
from inventory_control.availability.services import recalculate_due
from inventory_control.core import clock
from inventory_control.core.errors import NotPermitted, Refused
from inventory_control.events.errors import InvalidSourceError
from inventory_control.events.models import QualityDay, Source
from inventory_control.events.selectors import is_source_due, staleness
from inventory_control.events.services import put_sources, score_days, set_freshness
from inventory_control.policies.models import Policy
from inventory_control.policies.services import set_policy
from inventory_control.stock.selectors import positions_at
from inventory_control.timers.models import Timer
from tests.factories import SYSTEM, event, item, node, planner, send


@pytest.fixture
def shop(tenant):
    """SOCK at S1."""
    return item(), node()


def watch() -> None:
    """What the stages do after events were posted."""
    recalculate_due(by=SYSTEM)
    watch_sources(by=SYSTEM)
    detect_due(by=SYSTEM)


def cases(kind: str) -> list[ExceptionCase]:
    return list(ExceptionCase.objects.filter(kind=kind).order_by("pk"))


@pytest.mark.req("EVT-04")
def test_a_source_is_known_from_its_first_event_with_the_credential_that_delivered_it(shop):
    at = clock.now()
    with clock.frozen_at(at):
        send(
            event("receipt.recorded", 5, source="wms", occurred_at=at - timedelta(minutes=3)),
            source="wms-key",
        )
        assert is_source_due() is True
        watch_sources(by=SYSTEM)

        assert is_source_due() is False
    source = Source.objects.get()
    assert (source.code, source.received_from, source.owner) == ("wms", "wms-key", "")
    assert (source.last_occurred_at, source.last_received_at) == (at - timedelta(minutes=3), at)


@pytest.mark.req("EVT-04")
def test_an_owner_is_named_before_a_source_ever_spoke_and_stays(shop):
    manager = planner("events.manage_sources")
    put_sources([{"code": "wms", "owner": "Warehouse team", "expected_minutes": 30}], by=manager)

    send(event("receipt.recorded", 5, source="wms"))
    watch_sources(by=SYSTEM)

    source = Source.objects.get()
    assert (source.owner, source.expected_minutes) == ("Warehouse team", 30)
    assert source.last_received_at is not None


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([{"owner": "x"}], "[0].code"),
        ([{"code": " "}], "[0].code"),
        ([{"code": "a", "expected_minutes": 0}], "[0].expected_minutes"),
        ([{"code": "a", "expected_minutes": True}], "[0].expected_minutes"),
        ([{"code": "a", "colour": "red"}], "[0].colour"),
        (["a"], "[0]"),
        ([{"code": "a"}, {"code": "a"}], "code"),
    ],
)
def test_what_is_wrong_with_a_source_is_named_and_nothing_is_stored(tenant, rows, field):
    with pytest.raises(InvalidSourceError) as refused:
        put_sources(rows, by=planner("events.manage_sources"))

    assert refused.value.field == field
    assert Source.objects.count() == 0


def test_naming_sources_takes_the_permission(tenant):
    with pytest.raises(NotPermitted):
        put_sources([{"code": "a"}], by=planner("events.read"))


@pytest.mark.req("LED-27")
def test_a_position_older_than_its_limit_is_stale_by_the_minute(shop):
    _, place = shop
    at = clock.now()
    set_freshness({"sources": {"pos": 10}}, by=planner("policies.change"))
    send(event("receipt.recorded", 5, occurred_at=at))
    watch_sources(by=SYSTEM)

    fresh = staleness([place.pk], at=at + timedelta(minutes=10))[place.pk]
    later = at + timedelta(minutes=14, seconds=30)
    stale = staleness([place.pk], at=later)[place.pk]

    assert fresh.is_stale(at + timedelta(minutes=10)) is False
    assert (stale.source, stale.age_minutes(later), stale.is_stale(later)) == ("pos", 14, True)


@pytest.mark.req("LED-27")
def test_the_feed_that_turns_stale_first_speaks_for_a_node_and_the_stricter_limit_counts(shop):
    _, place = shop
    set_freshness(
        {"default_minutes": 600, "sources": {"pos": 60, "wms": 90}, "nodes": {"S1": 80}},
        by=planner("policies.change"),
    )
    at = clock.now()
    send(
        event("receipt.recorded", 5, source="wms", occurred_at=at - timedelta(minutes=40)),
        event("sale.recorded", 1, source="pos", occurred_at=at),
        event("sale.recorded", 1, source="erp", occurred_at=at - timedelta(minutes=50)),
    )
    watch_sources(by=SYSTEM)

    # wms: 80 - 40 = 40 minutes left, pos: 60, erp: 80 - 50 = 30.
    found = staleness([place.pk], at=at)[place.pk]
    assert (found.source, found.limit_minutes) == ("erp", 80)


@pytest.mark.req("LED-27")
@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"sources": {"pos": 0}}, "sources.pos"),
        ({"nodes": {"S1": "10"}}, "nodes.S1"),
        ({"default_minutes": 1.5}, "default_minutes"),
        ({"sources": 3}, "sources"),
        ({"minutes": 3}, "minutes"),
    ],
)
def test_limits_that_cannot_be_read_are_refused(tenant, value, field):
    with pytest.raises(Refused) as refused:
        set_freshness(value, by=planner("policies.change"))

    assert refused.value.field == field


@pytest.mark.req("LED-27")
def test_a_silent_feed_opens_one_case_by_its_timer_and_closes_when_it_speaks_again(shop):
    at = clock.now()
    with clock.frozen_at(at):
        put_sources([{"code": "pos", "owner": "Store systems", "expected_minutes": 30}], by=SYSTEM)
        send(event("receipt.recorded", 5))
        watch()
    assert cases("stale_feed") == []
    due = Timer.objects.filter(kind="source.look").order_by("-due_at")[0].due_at
    assert due == Source.objects.get().look_at

    with clock.frozen_at(at + timedelta(minutes=16)):
        watch()
        assert Source.objects.get().look_at == at + timedelta(minutes=30, seconds=1)
    for minute in (31, 45):
        with clock.frozen_at(at + timedelta(minutes=minute)):
            watch()
    (case,) = cases("stale_feed")
    assert (case.key, case.status) == ("stale_feed:pos", Status.OPEN)
    assert case.opened_at == at + timedelta(minutes=31)
    assert (case.evidence["owner"], case.evidence["expected_minutes"]) == ("Store systems", 30)

    with clock.frozen_at(at + timedelta(minutes=50)):
        send(event("sale.recorded", 1))
        watch_sources(by=SYSTEM)
        detect_due(by=SYSTEM)
    (case,) = cases("stale_feed")
    assert (case.status, case.resolution) == (Status.RESOLVED, Resolution.CLEARED)


@pytest.mark.req("LED-27")
def test_a_declared_source_that_never_speaks_is_silent_too(tenant):
    at = clock.now()
    with clock.frozen_at(at):
        put_sources([{"code": "erp", "expected_minutes": 60}], by=SYSTEM)
        watch_sources(by=SYSTEM)
        assert Source.objects.get().look_at == at + timedelta(minutes=60, seconds=1)

    with clock.frozen_at(at + timedelta(minutes=61)):
        assert is_source_due() is True
        watch()

    assert [case.key for case in cases("stale_feed")] == ["stale_feed:erp"]


@pytest.mark.req("EVT-03")
def test_an_event_two_hours_ahead_is_posted_flagged_and_raises_one_item_per_source(shop):
    sock, place = shop
    at = clock.now()
    with clock.frozen_at(at):
        answers = send(
            event("receipt.recorded", 5, source_id="r1", occurred_at=at + timedelta(hours=2)),
            event("receipt.recorded", 2, source_id="r2", occurred_at=at + timedelta(hours=3)),
        )
        watch()

    assert [str(one.outcome) for one in answers] == ["posted", "posted"]
    assert positions_at([(sock.pk, place.pk)])[sock.pk, place.pk].sellable == 7
    (case,) = cases("clock_skew")
    assert (case.key, case.evidence["seconds_ahead"]) == ("clock_skew:pos", 3 * 3600)
    assert (case.evidence["source_id"], case.evidence["received_from"]) == ("r2", "pos")


@pytest.mark.req("EVT-03")
def test_the_doubt_about_a_clock_ends_after_a_day_and_a_settled_one_stays_settled(shop):
    at = clock.now()
    with clock.frozen_at(at):
        send(event("receipt.recorded", 5, occurred_at=at + timedelta(hours=2)))
        watch()
    resolve(cases("clock_skew")[0], reason="clock set", by=planner("exceptions.handle"))
    Source.objects.update(is_noted=True)
    detect_due(by=SYSTEM)
    assert len(cases("clock_skew")) == 1

    with clock.frozen_at(at + timedelta(hours=5)):
        send(event("receipt.recorded", 5, occurred_at=at + timedelta(hours=7)))
        watch()
    assert [case.status for case in cases("clock_skew")] == [Status.RESOLVED, Status.OPEN]

    with clock.frozen_at(at + timedelta(hours=29, minutes=1)):
        watch()
    assert cases("clock_skew")[1].resolution == Resolution.CLEARED


@pytest.mark.req("EVT-03")
def test_what_is_too_old_or_days_ahead_is_refused(shop):
    now = clock.now()
    answers = send(
        event("receipt.recorded", 5, occurred_at=now - timedelta(days=801)),
        event("receipt.recorded", 5, occurred_at=now + timedelta(hours=25)),
    )

    assert [one.code for one in answers] == ["too_old", "in_the_future"]


def noon():
    return (clock.now() - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.mark.req("EVT-25")
def test_a_day_scores_exactly_what_its_rows_say(shop):
    at = noon()
    with clock.frozen_at(at):
        good = [event("receipt.recorded", 1, document=f"R{n}", occurred_at=at) for n in range(4)]
        send(*good)
        send(event("receipt.recorded", 1, occurred_at=at))
        send(event("sale.recorded", 1, occurred_at=at - timedelta(hours=2)))
        send(event("sale.recorded", 1, occurred_at=at - timedelta(minutes=59)))
        send(event("sale.recorded", -1), event("sale.recorded", 1, item="NOBODY"))
        send(good[0], good[1])
        send(good[0])

    assert score_days(at.date(), at.date()) == 1

    day = QualityDay.objects.get()
    assert (day.source, day.day) == ("pos", at.date())
    assert (day.events, day.refused, day.repeated, day.late) == (7, 2, 3, 1)
    assert (day.fields_expected, day.fields_missing) == (5, 1)
    assert day.completeness == pytest.approx(1 - 1 / 5)
    assert day.validity == pytest.approx(1 - 2 / 9)
    assert day.timeliness == pytest.approx(1 - 1 / 7)
    assert day.uniqueness == pytest.approx(1 - 3 / 10)
    assert day.score == pytest.approx((0.8 + 7 / 9 + 6 / 7 + 0.7) / 4)
    assert day.policy == "data_quality v1"


@pytest.mark.req("EVT-25")
def test_a_score_under_the_limit_opens_a_case_and_a_better_day_clears_it(shop):
    at = noon()
    with clock.frozen_at(at):
        send(*(event("receipt.recorded", 1, occurred_at=at) for _ in range(10)))
        send(*(event("sale.recorded", -1, source_id=f"bad-{n}") for n in range(10)))
        watch()
    (case,) = cases("low_quality")
    assert (case.key, case.evidence["score"]) == ("low_quality:pos", "0.625")
    assert (case.evidence["validity"], case.evidence["completeness"]) == ("0.500", "0.000")
    assert case.evidence["policy"] == "data_quality v1"

    tomorrow = at + timedelta(days=1)
    with clock.frozen_at(tomorrow):
        rows = [event("receipt.recorded", 1, document="R", line=str(n)) for n in range(20)]
        send(*({**row, "occurred_at": tomorrow} for row in rows))
        watch()
    assert cases("low_quality")[0].resolution == Resolution.CLEARED
    assert [(one.day, one.score) for one in QualityDay.objects.order_by("day")] == [
        (at.date(), 0.625),
        (tomorrow.date(), 1.0),
    ]


@pytest.mark.req("EVT-25")
def test_few_rows_prove_nothing_and_weights_are_policy(shop):
    at = noon()
    with clock.frozen_at(at):
        send(event("sale.recorded", -1))
        watch()
        assert cases("low_quality") == []
        set_policy(
            key="data_quality",
            value={
                "weights": {"validity": 1},
                "limit": 0.5,
                "least_rows": 1,
                "late_minutes": 60,
                "skew_hours": 24,
                "score_minutes": 15,
                "expected": {},
            },
            by=planner("policies.change"),
        )
    with clock.frozen_at(at + timedelta(minutes=16)):
        send(event("sale.recorded", -2))
        watch()

    assert [case.evidence["score"] for case in cases("low_quality")] == ["0.000"]


@pytest.mark.req("EVT-25")
def test_a_source_is_scored_at_most_every_quarter_of_an_hour(shop):
    at = noon()
    with clock.frozen_at(at):
        send(event("sale.recorded", 1))
        watch_sources(by=SYSTEM)
    with clock.frozen_at(at + timedelta(minutes=5)):
        send(event("sale.recorded", 1))
        watch_sources(by=SYSTEM)
        assert QualityDay.objects.get().events == 1
    with clock.frozen_at(at + timedelta(minutes=15)):
        assert is_source_due() is True
        watch_sources(by=SYSTEM)
        assert QualityDay.objects.get().events == 2


def test_a_tenant_older_than_the_policy_is_scored_by_the_products_own(shop):
    Policy.objects.filter(key__in=("data_quality", "freshness")).delete()

    send(event("sale.recorded", 1))
    watch()

    assert QualityDay.objects.get().policy == "data_quality v0"
    assert staleness([shop[1].pk], at=clock.now())[shop[1].pk].limit_minutes is None
