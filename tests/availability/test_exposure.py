"""Exposure rules: held once below the line, resumed only after enough stayed long enough."""

from __future__ import annotations

import pytest

from exceptions.models import ExceptionCase
from inventory_control.availability.errors import HeldByRuleError, NotPausedError
from inventory_control.availability.models import (
    Availability,
    ExposureHold,
    ExposureRule,
)
from inventory_control.availability.services import (
    pause_listing,
    recalculate_due,
    resume_listing,
    set_channels,
    set_listings,
    set_rule,
)
from inventory_control.availability.values import ListingTerms, RuleTerms
from inventory_control.core.errors import NotPermitted, Refused
from tests.availability.conftest import reserved
from tests.factories import SYSTEM, event, node, planner
from tests.http import Api


def rule(**fields: object) -> ExposureRule:
    """Hold MK below 10 at DC1, resume from 25 for 15 minutes."""
    terms = {
        "key": "mk-low", "node": "DC1", "hold_below": 10, "resume_from": 25, "resume_after": 15,
        "channels": ("MK",), "reason": "Keep the last for the shops.", **fields,
    }  # fmt: skip
    return set_rule(RuleTerms(**terms), by=SYSTEM)  # type: ignore[arg-type]


def shown() -> dict[str, int]:
    """What each channel should show of CONS."""
    return dict(Availability.objects.values_list("channel__code", "quantity"))


@pytest.mark.req("LED-06", "LED-12")
def test_below_the_line_only_the_channels_of_the_rule_show_nothing(cons, happen):
    rule()
    assert shown() == {"MK": 15, "WEB": 20}

    happen(reserved(12))

    assert shown() == {"MK": 0, "WEB": 8}
    hold = ExposureHold.objects.get()
    assert (hold.rule.key, hold.rule.version, hold.ats, hold.status) == ("mk-low", 1, 8, "held")
    case = ExceptionCase.objects.get(kind="exposure_hold")
    assert (case.key, case.units, case.status) == ("exposure_hold:CONS@DC1", 17, "open")


@pytest.mark.req("LED-12")
@pytest.mark.parametrize(("units", "held"), [(10, False), (11, True)])
def test_the_line_itself_is_still_enough(cons, happen, units, held):
    rule()

    happen(reserved(units))

    assert ExposureHold.objects.exists() is held


@pytest.mark.req("LED-12")
def test_it_resumes_when_the_figure_stayed_above_for_the_whole_time(cons, happen, later):
    rule()
    happen(reserved(12), event("receipt.recorded", 20, item="CONS", node="DC1"))
    assert shown() == {"MK": 23, "WEB": 28}  # never seen below the line: nothing was held
    happen(reserved(19))
    assert shown() == {"MK": 0, "WEB": 9}
    happen(event("receipt.recorded", 20, item="CONS", node="DC1"))
    assert shown() == {"MK": 0, "WEB": 29}

    later(minutes=14)
    assert shown()["MK"] == 0
    later(minutes=1, seconds=1)

    assert shown() == {"MK": 24, "WEB": 29}
    hold = ExposureHold.objects.get()
    assert (hold.status, hold.released_ats) == ("released", 29)
    case = ExceptionCase.objects.get(kind="exposure_hold")
    assert (case.status, case.resolution) == ("resolved", "cleared")


@pytest.mark.req("LED-12")
def test_a_dip_below_the_line_starts_the_time_anew(cons, happen, later):
    rule()
    happen(reserved(12))
    happen(event("receipt.recorded", 18, item="CONS", node="DC1"))  # 26
    later(minutes=10)
    happen(reserved(2))  # 24
    happen(event("receipt.recorded", 2, item="CONS", node="DC1"))  # 26
    versions = Availability.objects.get(channel__code="MK").version

    later(minutes=6)
    assert shown()["MK"] == 0
    later(minutes=8)
    assert shown()["MK"] == 0
    assert ExposureHold.objects.get().status == "held"
    later(minutes=1, seconds=1)

    assert shown()["MK"] == 21
    assert Availability.objects.get(channel__code="MK").version == versions + 1


@pytest.mark.req("LED-12")
def test_a_rule_of_margin_is_about_every_channel_known_to_earn_less(cons, happen):
    set_channels([{"code": "NEW", "name": "New", "nodes": ["DC1"]}], by=SYSTEM)
    rule(channels=(), margin_below="0.2000")

    happen(reserved(12))

    assert shown() == {"MK": 0, "WEB": 8, "NEW": 8}


@pytest.mark.req("LED-12")
def test_without_a_node_all_nodes_of_the_channel_count_together(cons, happen):
    node("S1")
    set_channels([{"code": "MK", "name": "MK", "nodes": ["DC1", "S1"]}], by=SYSTEM)
    rule(node=None, item="CONS")
    happen(event("stock.opened", 4, item="CONS", node="S1"), reserved(12))
    assert shown() == {"MK": 7, "WEB": 8}

    happen(event("sale.recorded", 3, item="CONS", node="S1"))

    assert shown() == {"MK": 0, "WEB": 8}
    assert ExposureHold.objects.get().ats == 9


@pytest.mark.req("LED-12")
def test_ending_a_rule_ends_its_holds_and_a_new_version_judges_them(cons, happen):
    rule()
    happen(reserved(12))
    second = rule(hold_below=5, resume_from=8, resume_after=0, reason="Loosened.")
    recalculate_due(by=SYSTEM)

    assert (second.version, shown()["MK"]) == (2, 3)
    rule(reason="Back.")
    recalculate_due(by=SYSTEM)
    assert shown()["MK"] == 0
    rule(is_active=False, reason="Over.")
    recalculate_due(by=SYSTEM)

    assert shown()["MK"] == 3
    assert [hold.why_released for hold in ExposureHold.objects.order_by("pk")] == [
        "8 available, at or above 8 for 0 minutes.",
        "No rule asks for it any more.",
    ]
    versions = ExposureRule.objects.order_by("version").values_list("version", "is_current")
    assert list(versions) == [(1, False), (2, False), (3, False), (4, True)]


@pytest.mark.req("LED-12")
def test_a_pause_by_hand_needs_a_reason_and_lasts_until_resumed(cons, happen):
    with pytest.raises(Refused):
        pause_listing(item="CONS", channel="MK", reason=" ", by=SYSTEM)
    pause_listing(item="CONS", channel="MK", reason="Recall suspected.", by=SYSTEM)
    happen(event("receipt.recorded", 50, item="CONS", node="DC1"))
    assert shown() == {"MK": 0, "WEB": 70}

    resume_listing(item="CONS", channel="MK", reason="No recall.", by=SYSTEM)
    recalculate_due(by=SYSTEM)

    assert shown()["MK"] == 65
    with pytest.raises(NotPausedError):
        resume_listing(item="CONS", channel="MK", reason="Again.", by=SYSTEM)


@pytest.mark.req("LED-12")
def test_nobody_alone_resumes_what_a_rule_holds(cons, happen):
    rule()
    happen(reserved(12))

    with pytest.raises(HeldByRuleError) as refused:
        resume_listing(item="CONS", channel="MK", reason="I want to.", by=SYSTEM)

    assert refused.value.extra == {"rules": ["mk-low"]}
    assert shown()["MK"] == 0


@pytest.mark.req("LED-06", "LED-12")
def test_a_cap_and_a_buffer_of_one_listing_limit_only_that_one(cons, happen):
    set_listings([ListingTerms("CONS", "MK", buffer=2, cap=10)], by=SYSTEM)
    recalculate_due(by=SYSTEM)
    assert shown() == {"MK": 10, "WEB": 20}
    before = Availability.objects.get(channel__code="MK")

    happen(reserved(3))

    after = Availability.objects.get(channel__code="MK")
    assert (after.ats, after.quantity) == (15, 10)
    assert (before.ats, before.quantity) == (18, 10)
    set_listings([ListingTerms("CONS", "MK")], by=SYSTEM)
    recalculate_due(by=SYSTEM)
    assert shown() == {"MK": 12, "WEB": 17}


@pytest.mark.req("LED-06")
def test_a_channel_that_draws_on_no_node_any_more_shows_nothing(cons):
    node("S1")
    set_channels([{"code": "MK", "name": "MK", "nodes": ["S1"]}], by=SYSTEM)
    recalculate_due(by=SYSTEM)

    assert shown() == {"MK": 0, "WEB": 20}


@pytest.mark.req("LED-06")
@pytest.mark.parametrize("limit", ["none", "cap", "pause", "rule", "oversold", "frozen"])
def test_the_terms_of_every_channel_figure_sum_to_it(cons, happen, limit):
    api = Api("stock.read")
    if limit == "cap":
        set_listings([ListingTerms("CONS", "MK", cap=4)], by=SYSTEM)
    elif limit == "pause":
        pause_listing(item="CONS", channel="MK", reason="Damaged box.", by=SYSTEM)
    elif limit == "rule":
        rule(hold_below=21)
    elif limit == "oversold":
        happen(event("sale.recorded", 44, item="CONS", node="DC1"))
    elif limit == "frozen":
        happen(event("stock.counted", 5, item="CONS", node="DC1"))
    recalculate_due(by=SYSTEM)

    _, told = api.get("availability?item=CONS")
    status, found = api.get("availability/breakdown?item=CONS&channel=MK")

    wanted = {"none": 15, "cap": 4, "pause": 0, "rule": 0, "oversold": 0, "frozen": 0}[limit]
    mk = next(one for one in told["channels"] if one["channel"] == "MK")
    assert (status, mk["quantity"], found["quantity"]) == (200, wanted, wanted)
    assert sum(term["quantity"] for term in mk["terms"]) == wanted
    assert sum(term["quantity"] for term in found["terms"]) == wanted
    (dc,) = found["nodes"]
    assert sum(term["quantity"] for term in dc["terms"]) == dc["ats"]
    assert found["rules"] == (["mk-low"] if limit == "rule" else [])
    assert found["paused_because"] == ("Damaged box." if limit == "pause" else None)


@pytest.mark.req("SEC-02", "LED-12")
def test_only_who_may_expose_decides(cons):
    reader = planner("stock.read")

    with pytest.raises(NotPermitted):
        pause_listing(item="CONS", channel="MK", reason="No.", by=reader)
    with pytest.raises(NotPermitted):
        set_listings([ListingTerms("CONS", "MK", cap=1)], by=reader)
    with pytest.raises(NotPermitted):
        set_rule(RuleTerms("x", 1, 2, 3, "No.", channels=("MK",)), by=reader)


@pytest.mark.req("LED-12")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"resume_from": 5}, "resume_from"),
        ({"channels": []}, "channels"),
        ({"margin_below": "0.2"}, "channels"),
        ({"channels": ["NOPE"]}, "channels"),
        ({"item": "NOPE"}, "item"),
        ({"node": "NOPE"}, "node"),
        ({"reason": "  "}, "reason"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_the_field(cons, body, field):
    api = Api("availability.expose", "stock.read")
    sent = {
        "node": "DC1", "hold_below": 10, "resume_from": 25, "resume_after": 15,
        "channels": ["MK"], "reason": "r", **body,
    }  # fmt: skip

    status, answer = api.put("exposure/rules/mk-low", sent)

    assert (status, answer["field"]) == (422, field)
    assert not ExposureRule.objects.exists()


def test_rules_and_holds_are_read_where_they_are_set(cons, happen):
    api = Api("availability.expose", "stock.read")
    sent = {
        "node": "DC1", "hold_below": 10, "resume_from": 25, "resume_after": 15,
        "channels": ["MK"], "reason": "Keep the last.",
    }  # fmt: skip

    assert api.put("exposure/rules/mk-low", sent)[0] == 200
    happen(reserved(12))

    _, rules = api.get("exposure/rules")
    _, holds = api.get("exposure/holds?item=CONS&channel=MK&status=held")
    assert [(one["key"], one["version"], one["node"]) for one in rules] == [("mk-low", 1, "DC1")]
    assert [(one["policy"], one["ats"]) for one in holds["results"]] == [("mk-low v1", 8)]
    assert api.get("exposure/holds?status=odd")[0] == 422
    assert api.get("exposure/holds/999999")[0] == 404


@pytest.mark.req("LED-14", "LED-06")
def test_an_oversold_sale_leaves_the_books_below_zero_and_opens_a_case(cons, happen):
    happen(event("stock.opened", 1, item="CONS", node=node("S7").code))

    happen(event("sale.recorded", 3, item="CONS", node="S7"))

    _, told = Api("stock.read").get("availability?item=CONS&node=S7")
    (figure,) = told["nodes"]
    assert (figure["sellable"], figure["ats"]) == (-2, -2)
    case = ExceptionCase.objects.get(kind="negative_stock")
    assert (case.key, case.units, case.status) == ("negative_stock:CONS@S7", 2, "open")
