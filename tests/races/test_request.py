"""A request is decided by one person and taken back by another at the same moment."""

from __future__ import annotations

import pytest

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import IllegalMove
from inventory_control.orders.models import TransferOrder
from inventory_control.people.selectors import actor_of_user
from inventory_control.people.services import add_member
from inventory_control.stock.models import StockBalance
from tests.factories import SYSTEM, event, item, node, send
from tests.races.test_posting import assert_books_agree, together
from workflows.models import Approval
from workflows.services import (
    decide,
    decide_one,
    request_adjustment,
    request_order,
    withdraw_request,
)
from workflows.values import Verdict, WantedAdjustment, WantedOrder

TIMES = 10


@pytest.mark.req("INT-04", "EXC-43")
def test_what_is_agreed_to_and_taken_back_at_once_is_one_of_both(committed):
    ada, ben = _planner("Ada"), _planner("Ben")
    item()
    node()
    node("S2")
    send(event("stock.opened", 60))
    wanted = WantedOrder(
        action="transfer", item="SOCK", node="S2", from_node="S1", quantity=5, reason="Fair"
    )
    ended = []
    for _ in range(TIMES):
        run = request_order(wanted, by=ada)
        asked = Approval.objects.get(status="waiting").pk

        agreed, taken_back = together(
            committed,
            lambda pk=asked: decide_one(approval=pk, verdict=Verdict.APPROVED, reason="", by=ben),
            lambda pk=run.request_id: withdraw_request(pk, by=ada),
        )

        run.refresh_from_db()
        assert isinstance(agreed, IllegalMove) is (run.status == "stopped")
        assert isinstance(taken_back, IllegalMove) is (run.status == "acting")
        ended.append(run.status)
    assert TransferOrder.objects.count() == ended.count("acting")
    assert set(ended) <= {"acting", "stopped"}


@pytest.mark.req("LED-29")
def test_small_adjustments_at_the_same_moment_are_held_against_one_limit(committed):
    ada = _planner("Ada")
    item()
    node()
    send(event("stock.opened", 1000))
    wanted = WantedAdjustment(item="SOCK", node="S1", quantity=-10, reason_code="missing")

    runs = together(committed, *[lambda: request_adjustment(wanted, by=ada) for _ in range(6)])

    # Ten units are worth 40 and the limit is 100.
    assert sorted(run.status for run in runs) == ["done"] * 2 + ["waiting"] * 4
    assert StockBalance.objects.get().sellable == 980


@pytest.mark.req("LED-29", "EXC-43")
def test_two_planners_agree_to_one_adjustment_and_it_is_posted_once(committed):
    ada, ben, eve = (_planner(name) for name in ("Ada", "Ben", "Eve"))
    item()
    node()
    send(event("stock.opened", 60))
    wanted = WantedAdjustment(item="SOCK", node="S1", quantity=-5, reason_code="shrink")
    for times in range(1, TIMES + 1):
        request_adjustment(wanted, by=ada)
        asked = [Approval.objects.get(status="waiting").pk]

        answers = together(
            committed,
            *[
                lambda by=by, pks=asked: decide(
                    approvals=pks, verdict=Verdict.APPROVED, reason="", by=by
                )
                for by in (ben, eve)
            ],
        )

        assert sorted(one[0].is_done for one in answers) == [False, True]
        assert StockBalance.objects.get().sellable == 60 - 5 * times
    assert_books_agree()


def _planner(name: str) -> Actor:
    user = add_member(
        username=name, name=name, password=None, roles=["planner"], kind="person", by=SYSTEM
    )
    actor = actor_of_user(user.pk, at=clock.real_now())
    assert actor is not None
    return actor
