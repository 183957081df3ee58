"""Giving one who waits units out of turn: never more than there is, never twice, never unsaid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inventory_control.audit.selectors import timeline_of
from inventory_control.core.errors import DomainError, NotPermitted
from inventory_control.fulfilment.errors import (
    FrozenPlaceError,
    GivenMeanwhileError,
    InvalidReleaseError,
    NotServedError,
    NotWaitingError,
)
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.selectors import last_given, queue_policy, turns_at
from inventory_control.fulfilment.services import queue_backorders, release_backorder
from inventory_control.policies.services import set_policy
from inventory_control.stock.selectors import claim_of_line, positions_of
from inventory_control.stock.services import freeze, rebuild_balances
from tests.factories import SYSTEM, channel, event, item, node, outcomes, planner
from tests.fulfilment.conftest import backordered
from tests.fulfilment.test_backorders import messages, position, queue, received, standing
from tests.http import Api
from tests.races.test_posting import assert_books_agree, together

Tell = Callable[..., None]


@pytest.fixture
def tent(tenant) -> Any:
    """TENT at DC1, sold on WEB; B1, B2, B3 want 2, 6 and 4."""
    found = item("TENT")
    channel("WEB", node("DC1", ready_hours=24))
    return found


def row_of(order: str) -> Backorder:
    return Backorder.objects.get(order=order)


def given_to(order: str, units: int, *, had: int = 0, reason: str = "Wedding") -> Backorder:
    return release_backorder(row_of(order), units=units, had=had, reason=reason, by=SYSTEM)


@pytest.mark.req("LED-24")
def test_one_is_served_out_of_turn_from_what_is_kept_and_the_passed_over_are_named(
    tent: Any, tell: Tell
):
    tell(*queue())
    tell(received(3))
    assert standing() == {"B1": ("allocated", 2), "B2": ("waiting", 0), "B3": ("waiting", 0)}
    assert claim_of_line("backorders", "DC1/TENT").open == 1

    given_to("B3", 1)

    assert standing()["B3"] == ("waiting", 1)
    assert claim_of_line("backorders", "DC1/TENT").open == 0
    assert position(tent) == (3, 3, 0)
    assert messages()[-1] == ("order.ready", "B3")
    (entry,) = [
        one
        for one in timeline_of(("backorder", str(row_of("B3").pk)))
        if one.verb == "backorder.released"
    ]
    assert entry.data == {
        "order": "B3", "units": 1, "reason": "Wedding", "passed_over": ["B2/1"],
    }  # fmt: skip
    assert rebuild_balances(by=SYSTEM).difference == 0


@pytest.mark.req("LED-24")
def test_what_is_left_over_goes_to_the_others_in_turn(tent: Any, tell: Tell):
    tell(*queue()[1:])
    tell(received(5))
    assert standing() == {"B2": ("waiting", 0), "B3": ("waiting", 0)}

    given_to("B3", 4)

    assert standing() == {"B2": ("waiting", 0), "B3": ("allocated", 4)}
    assert claim_of_line("backorders", "DC1/TENT").open == 1
    tell(received(5))
    assert standing()["B2"] == ("allocated", 6)
    assert position(tent) == (10, 10, 0)


@pytest.mark.req("LED-24")
def test_units_that_were_for_sale_are_taken_off_sale(tent: Any, tell: Tell):
    set_policy(
        key="backorders",
        value={"order_by": ["age"], "takes_part": False, "keeps_remainder": False, "tell": []},
        by=SYSTEM,
    )
    tell(*queue())
    tell(received(5))
    assert (standing()["B2"], position(tent)) == (("waiting", 0), (5, 0, 5))

    given_to("B3", 3)
    tell()

    assert (standing()["B3"], position(tent)) == (("waiting", 3), (5, 3, 2))


@pytest.mark.req("LED-24")
@pytest.mark.parametrize(
    ("order", "units", "had", "reason", "refusal"),
    [
        ("B2", 2, 0, "Wedding", NotServedError),
        ("B2", 0, 0, "Wedding", InvalidReleaseError),
        ("B2", 7, 0, "Wedding", InvalidReleaseError),
        ("B2", 1, 0, "  ", InvalidReleaseError),
        ("B2", 1, 0, "x" * 301, InvalidReleaseError),
        ("B2", 1, 1, "Wedding", GivenMeanwhileError),
        ("B1", 1, 2, "Wedding", NotWaitingError),
    ],
)
def test_a_release_that_does_not_fit_changes_nothing(
    tent: Any,
    tell: Tell,
    order: str,
    units: int,
    had: int,
    reason: str,
    refusal: type[DomainError],
):
    tell(*queue())
    tell(received(3))
    before = (standing(), position(tent), messages())

    with pytest.raises(refusal):
        given_to(order, units, had=had, reason=reason)

    assert (standing(), position(tent), messages()) == before


@pytest.mark.req("LED-21", "LED-24")
def test_nothing_is_given_while_the_place_is_frozen_nor_by_who_may_not(tent: Any, tell: Tell):
    tell(*queue())
    tell(received(3))
    with pytest.raises(NotPermitted):
        release_backorder(row_of("B2"), units=1, had=0, reason="Wedding", by=planner())
    freeze(sku="TENT", node="DC1", reason="recall", by=SYSTEM)

    with pytest.raises(FrozenPlaceError):
        given_to("B2", 1)

    assert standing()["B2"] == ("waiting", 0)


@pytest.mark.req("LED-24")
def test_why_each_waits_and_why_the_last_units_went_where_they_went(tent: Any, tell: Tell):
    bodies = queue()
    tell(event("reservation.created", 1, item="TENT", node="DC1", order="W1", line="1",
               channel="WEB"), received(1))  # fmt: skip
    tell(*bodies)
    tell(received(3))
    given_to("B3", 1, reason="Wedding on Saturday")
    place, (policy, _, _) = (tent.pk, row_of("B3").node_id), queue_policy()

    turns = [(one.number, row.order, one.wanted, one.reason)
             for one, row in turns_at(place, policy, kept=0)]  # fmt: skip
    given = {one.order: (one.units, one.reason) for one in last_given(place, policy)}

    assert turns == [
        (1, "B2", 6, "next in turn; nothing is free"),
        (2, "B3", 3, "the one before was ordered earlier"),
    ]
    ordered = f"{row_of('B1').ordered_at:%-d %b %H:%M}"
    assert given == {
        "W1": (1, "first come, first served through WEB"),
        "B1": (2, f"waited its turn: premium, ordered {ordered}"),
        "B3": (1, "out of turn, by tests: Wedding on Saturday"),
    }


@pytest.mark.req("LED-24", "LED-08")
def test_the_same_press_twice_and_a_rival_give_what_there_is_once(committed):
    found = item("TENT")
    channel("WEB", node("DC1"))
    outcomes(*(backordered(f"N{n}", 4) for n in range(3)))
    queue_backorders(by=SYSTEM)
    outcomes(received(3))

    answers = together(
        committed,
        *(lambda order=order: given_to(order, 2) for order in ("N0", "N0", "N1", "N2")),
    )

    refused = [one for one in answers if isinstance(one, GivenMeanwhileError | NotServedError)]
    assert len(refused) == 3
    given = sorted(units for _, units in standing().values())
    assert given == [0, 0, 2]
    assert position_of_claims(found) == (3, 3)
    assert_books_agree()


def position_of_claims(found: Any) -> tuple[int, int]:
    """Sellable and allocated units."""
    (row,) = positions_of([found.pk]).values()
    return row.sellable, row.allocated


@pytest.mark.req("LED-24")
def test_a_program_gives_out_of_turn_too_and_is_told_what_there_is(tent: Any, tell: Tell):
    tell(*queue()[1:])
    tell(received(3))
    api = Api("fulfilment.allocate", "fulfilment.read")
    path = f"backorders/{row_of('B3').pk}/release"
    wish = {"units": 2, "had": 0, "reason": "Wedding"}

    given, body = api.post(path, wish)
    again, meanwhile = api.post(path, wish)
    more, short = api.post(path, {**wish, "units": 2, "had": 2})

    assert (given, body["order"], body["allocated"], body["status"]) == (200, "B3", 2, "waiting")
    assert (again, meanwhile["code"]) == (409, "given_meanwhile")
    assert (more, short["code"], short["field"], short["available"]) == (
        409, "not_available", "units", 1,
    )  # fmt: skip
    assert standing() == {"B2": ("waiting", 0), "B3": ("waiting", 2)}
    assert api.post("backorders/0/release", wish)[0] == 404
    assert Api("fulfilment.read", name="reader").post(path, wish)[0] == 403
