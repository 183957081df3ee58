"""The four ways out of a discrepancy: who may, what it does, and what the next run finds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from exceptions.models import ExceptionCase
from exceptions.services import detect_due
from inventory_control.availability.services import recalculate_due
from inventory_control.core import clock
from inventory_control.core.errors import Conflict, NotPermitted, Refused
from inventory_control.outbox.models import OutboundCommand
from inventory_control.policies.services import set_policy
from inventory_control.reconciliation.errors import (
    ClosedDiscrepancyError,
    OwnProposalError,
    UnknownDiscrepancyError,
)
from inventory_control.reconciliation.models import Discrepancy, Effort, Remedy
from inventory_control.reconciliation.services import decide_remedy, log_effort, settle
from inventory_control.stock.models import LedgerEntry, StockBalance
from tests.factories import SYSTEM, channel, hour, planner
from tests.reconciliation.reports import about, says

RIGHTS = ("reconciliation.resolve", "reconciliation.compare", "stock.adjust")


@pytest.fixture
def off(lamp, arrive, run) -> Discrepancy:
    """WMS shows seven lamps more than the ledger: 280 at cost."""
    arrive(about("stock.opened", 112, hour(8)), says("wms", 119, hour(9)))
    run()
    return Discrepancy.objects.get()


def chosen(off: Discrepancy, path: str, **fields: Any) -> Remedy:
    """A way out chosen by a planner with every right."""
    by = fields.pop("by", planner(*RIGHTS))
    return settle(discrepancy_id=off.pk, path=path, reason="looked at it", by=by, **fields)


def verbs(kind: str) -> list[str]:
    """What the audit log was told about one kind of subject, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT verb FROM entry WHERE subject_kind = %s ORDER BY id", [kind])
        return [verb for (verb,) in cursor.fetchall()]


@pytest.mark.req("REC-04")
def test_correcting_the_ledger_posts_the_difference_and_the_next_run_matches(off, run):
    remedy = chosen(off, "correct_ledger")

    assert (remedy.status, remedy.units) == ("carried_out", 7)
    assert StockBalance.objects.get().sellable == 119
    line = LedgerEntry.objects.get(state="sellable", quantity=7)
    assert line.occurred_at == off.as_of
    assert verbs("remedy") == ["remedy.carried_out", "remedy.explained"]
    comparison = run()
    off.refresh_from_db()
    assert (comparison.matched, comparison.closed, off.status) == (1, 1, "matched")
    assert off.root_cause == "Ledger corrected by +7 (looked at it)."
    case = ExceptionCase.objects.get(kind="position_mismatch")
    assert (case.status, case.reason) == ("resolved", off.root_cause)


@pytest.mark.req("REC-04")
def test_correcting_the_source_sends_it_our_number_once(off, run, arrive):
    remedy = chosen(off, "correct_source")

    command = OutboundCommand.objects.get(kind="position.correct")
    assert (command.target, command.idempotency_key) == ("wms", f"position.correct:{remedy.pk}")
    assert (command.payload["sku"], command.payload["node"], command.payload["quantity"]) == (
        "LAMP", "S1", 112,
    )  # fmt: skip
    assert run().material == 1
    off.refresh_from_db()
    assert off.status == "answered"
    arrive(says("wms", 112, hour(10)))
    run()
    off.refresh_from_db()
    assert (off.status, off.root_cause) == ("matched", "Wms corrected to 112 (looked at it).")


@pytest.mark.req("REC-04")
def test_a_remedy_that_a_newer_report_belies_puts_the_discrepancy_back(off, run, arrive):
    chosen(off, "correct_source")
    arrive(says("wms", 121, clock.now() + timedelta(minutes=1)))

    run()

    off.refresh_from_db()
    assert (off.status, off.unexplained, off.answered_at) == ("open", 9, None)


@pytest.mark.req("REC-04")
def test_an_accepted_difference_raises_nothing_until_it_is_another(off, run, arrive):
    chosen(off, "accept")
    detect_due(by=SYSTEM)

    off.refresh_from_db()
    case = ExceptionCase.objects.get(kind="position_mismatch")
    assert (off.status, case.status) == ("accepted", "resolved")
    same = run()
    assert (same.accepted, same.material, same.opened) == (1, 0, 0)
    arrive(says("wms", 125, hour(10)))
    other = run()
    assert (other.accepted, other.opened) == (0, 1)
    assert Discrepancy.objects.get(status="open").unexplained == 13


@pytest.mark.req("REC-04")
@pytest.mark.parametrize("freezes", [False, True], ids=["sells on", "freezes"])
def test_a_recount_asks_the_node_and_freezes_if_policy_says(off, arrive, freezes):
    set_policy(key="reconciliation", value={"recount_freezes": freezes}, by=SYSTEM)

    chosen(off, "recount")

    command = OutboundCommand.objects.get(kind="count.request")
    assert (command.target, command.payload["node"], command.payload["expected"]) == (
        "wms", "S1", 112,
    )  # fmt: skip
    assert StockBalance.objects.get().holds == int(freezes)
    arrive(about("stock.counted", 112, clock.now()))
    assert (StockBalance.objects.get().holds, Remedy.objects.get().is_freezing) == (0, False)


@pytest.mark.req("REC-04")
def test_above_the_limit_a_second_person_decides_and_never_the_first(off, run):
    set_policy(key="reconciliation", value={"approval_above": "279"}, by=SYSTEM)
    first = planner(*RIGHTS, "reconciliation.approve")
    second = planner("reconciliation.approve")

    remedy = chosen(off, "correct_ledger", by=first)

    assert (remedy.status, StockBalance.objects.get().sellable) == ("proposed", 112)
    with pytest.raises(OwnProposalError):
        decide_remedy(remedy_id=remedy.pk, verdict="approved", reason="mine", by=first)
    with pytest.raises(Conflict, match="second person"):
        chosen(off, "accept")
    decided = decide_remedy(remedy_id=remedy.pk, verdict="approved", reason="seen", by=second)
    assert (decided.status, decided.decided_by, decided.decided_reason) == (
        "carried_out", second.id, "seen",
    )  # fmt: skip
    assert StockBalance.objects.get().sellable == 119
    assert run().matched == 1


@pytest.mark.req("REC-04")
def test_a_refused_remedy_changes_nothing(off):
    set_policy(key="reconciliation", value={"approval_above": "0"}, by=SYSTEM)
    remedy = chosen(off, "accept")

    refused = decide_remedy(
        remedy_id=remedy.pk, verdict="refused", reason="no", by=planner("reconciliation.approve")
    )

    off.refresh_from_db()
    assert (refused.status, off.status, StockBalance.objects.get().sellable) == (
        "refused", "open", 112,
    )  # fmt: skip


@pytest.mark.req("REC-04")
def test_a_proposal_on_numbers_that_moved_is_not_carried_out(off, arrive):
    set_policy(key="reconciliation", value={"approval_above": "0"}, by=SYSTEM)
    remedy = chosen(off, "correct_ledger")
    arrive(says("wms", 130, hour(10)))

    with pytest.raises(Conflict, match=r"was \+7 .* is \+18"):
        decide_remedy(
            remedy_id=remedy.pk, verdict="approved", reason="ok",
            by=planner("reconciliation.approve"),
        )  # fmt: skip

    assert StockBalance.objects.get().sellable == 112


@pytest.mark.req("REC-04")
@pytest.mark.parametrize(
    ("path", "rights", "error"),
    [
        ("accept", (), NotPermitted),
        ("correct_ledger", ("reconciliation.resolve",), NotPermitted),
        ("wish", ("reconciliation.resolve",), Refused),
    ],
    ids=["no right", "may settle, may not adjust", "no such way"],
)
def test_it_takes_the_right_and_a_way_that_exists(off, path, rights, error):
    with pytest.raises(error):
        chosen(off, path, by=planner(*rights))

    assert (Remedy.objects.count(), Discrepancy.objects.get().status) == (0, "open")


@pytest.mark.req("REC-04")
def test_it_takes_a_reason(off):
    with pytest.raises(Refused, match="Say why"):
        settle(discrepancy_id=off.pk, path="accept", reason="  ", by=planner(*RIGHTS))

    assert Remedy.objects.count() == 0


def test_what_is_closed_or_unknown_cannot_be_settled(off, run):
    chosen(off, "accept")

    with pytest.raises(ClosedDiscrepancyError):
        chosen(off, "recount")
    with pytest.raises(UnknownDiscrepancyError):
        settle(discrepancy_id=0, path="accept", reason="x", by=planner(*RIGHTS))


@pytest.mark.req("REC-04")
def test_numbers_that_agree_by_now_are_not_corrected_again(off, arrive):
    arrive(about("receipt.recorded", 7, hour(8) + timedelta(minutes=30)))

    with pytest.raises(Conflict, match="agree by now"):
        chosen(off, "correct_ledger")

    assert StockBalance.objects.get().sellable == 119


@pytest.mark.req("REC-04")
def test_a_channels_number_cannot_be_written_into_the_ledger(lamp, arrive, run):
    channel("WEB", lamp[1])
    arrive(about("stock.opened", 20, hour(8)), says("WEB", 30, hour(9), node=None))
    run()
    off = Discrepancy.objects.get()

    with pytest.raises(Refused, match="several ledger accounts"):
        chosen(off, "correct_ledger")
    chosen(off, "correct_source")

    command = OutboundCommand.objects.get(kind="position.correct")
    assert (command.target, command.payload["quantity"]) == ("WEB", 20)


@pytest.mark.req("REC-08")
def test_minutes_are_logged_with_the_remedy_or_by_themselves(off):
    chosen(off, "correct_source", minutes=12)
    log_effort(discrepancy_id=off.pk, minutes=8, note="called them", by=planner(*RIGHTS))

    assert sorted(Effort.objects.values_list("minutes", "note")) == [
        (8, "called them"), (12, "correct_source"),
    ]  # fmt: skip
    assert verbs("discrepancy").count("effort.logged") == 2
    with pytest.raises(Refused):
        log_effort(discrepancy_id=off.pk, minutes=0, by=planner(*RIGHTS))


@pytest.mark.req("REC-04")
def test_a_count_frozen_twice_sells_again_after_each_was_thawed(off, arrive):
    set_policy(key="reconciliation", value={"recount_freezes": True}, by=SYSTEM)
    chosen(off, "recount")
    chosen(off, "recount")
    assert StockBalance.objects.get().holds == 2

    arrive(about("stock.counted", 112, clock.now()))
    recalculate_due(by=SYSTEM)

    assert StockBalance.objects.get().holds == 0


@pytest.mark.req("REC-04")
def test_a_count_taken_before_anybody_asked_does_not_thaw(off, arrive):
    set_policy(key="reconciliation", value={"recount_freezes": True}, by=SYSTEM)
    chosen(off, "recount")

    arrive(about("stock.counted", 112, hour(10)))

    assert StockBalance.objects.get().holds == 1


@pytest.mark.req("REC-04")
@pytest.mark.parametrize("ending", ["matched", "accepted"])
def test_what_a_recount_froze_is_sold_again_once_nobody_doubts_it(off, arrive, run, ending):
    set_policy(key="reconciliation", value={"recount_freezes": True}, by=SYSTEM)
    chosen(off, "recount")
    assert StockBalance.objects.get().holds == 1

    if ending == "matched":
        arrive(says("wms", 112, hour(10)))
        run()
    else:
        chosen(off, "accept")

    assert (Discrepancy.objects.get().status, StockBalance.objects.get().holds) == (ending, 0)
