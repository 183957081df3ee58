"""What persons do with cases, and what is refused with nothing written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.forms.models import model_to_dict

from exceptions.errors import (
    ClosedCaseError,
    LiveTwinError,
    ReasonMissingError,
    UnknownCaseError,
)
from exceptions.models import CaseNote, ExceptionCase
from exceptions.selectors import moves_of
from exceptions.services import (
    acknowledge,
    add_note,
    assign,
    assign_all,
    close_cases,
    detect_due,
    dismiss,
    govern,
    reopen,
    resolve,
)
from exceptions.states import Status
from exceptions.values import Closure
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import IllegalMove, NotPermitted, Refused
from inventory_control.people.models import User
from tests.factories import planner

HANDLE = "exceptions.handle"


@pytest.fixture(autouse=True)
def in_the_house(tenant) -> None:
    """Every test here works in tenant A."""


def member(username: str = "ada") -> str:
    """The public id of somebody work can be given to."""
    return str(User.objects.create(username=username).public_id)


def audited() -> list[tuple[str, str, dict[str, Any]]]:
    """Verb, subject and data of what the audit log was told of cases."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT verb, subject_id, data->>'from', data->>'to' FROM entry
             WHERE subject_kind = 'exceptioncase' ORDER BY id
            """
        )
        return cursor.fetchall()


@pytest.mark.req("EXC-43")
def test_taking_a_case_on_makes_it_mine(make_case):
    ada = planner(HANDLE)
    case = make_case()

    acknowledge(case, by=ada)

    case.refresh_from_db()
    assert (case.status, case.assignee) == (Status.ACKNOWLEDGED, ada.id)
    assert case.acknowledged_at is not None
    assert audited() == [("case.acknowledged", str(case.pk), "open", "acknowledged")]
    with pytest.raises(IllegalMove):
        acknowledge(case, by=ada)


@pytest.mark.req("EXC-50")
def test_twenty_five_cases_are_assigned_at_once_with_an_entry_each(
    make_case, django_assert_num_queries
):
    cases = [make_case() for _ in range(25)]
    ada = member()
    by = planner(HANDLE)

    with django_assert_num_queries(6):
        assign_all([case.pk for case in cases], assignee=ada, by=by)

    assert set(ExceptionCase.objects.values_list("assignee", flat=True)) == {ada}
    assert audited() == [("case.assigned", str(case.pk), "", ada) for case in cases]


@pytest.mark.parametrize("fault", ["closed", "missing", "stranger"])
def test_assigning_is_all_or_nothing(make_case, fault: str):
    good, bad = make_case(), make_case()
    ada, by = member(), planner(HANDLE)
    ids, refusal, assignee = [good.pk, bad.pk], ClosedCaseError, ada
    if fault == "closed":
        dismiss(bad, reason="Wrong.", by=by)
    elif fault == "missing":
        ids, refusal = [good.pk, bad.pk + 1], UnknownCaseError
    else:
        refusal, assignee = Refused, "nobody"
    before = len(audited())

    with pytest.raises(refusal):
        assign_all(ids, assignee=assignee, by=by)

    good.refresh_from_db()
    assert (good.assignee, len(audited())) == ("", before)


def test_a_case_may_be_given_back_to_everybody(make_case):
    case = make_case(assignee="somebody")

    assert assign(case, assignee="", by=planner(HANDLE)).assignee == ""


@pytest.mark.req("EXC-44")
@pytest.mark.parametrize(
    ("close", "status", "resolution"),
    [(resolve, "resolved", "by_hand"), (dismiss, "dismissed", "false_alarm")],
)
@pytest.mark.parametrize("start", ["open", "acknowledged"])
def test_closing_takes_a_reason(
    make_case, close: Callable[..., ExceptionCase], status: str, resolution: str, start: str
):
    case = make_case(status=start)
    by = planner(HANDLE)

    for reason, refusal in (("  ", ReasonMissingError), ("x" * 301, Refused)):
        with pytest.raises(refusal) as refused:
            close(case, reason=reason, by=by)
        assert refused.value.field == "reason"
    case.refresh_from_db()
    assert (case.status, audited()) == (start, [])

    close(case, reason=" Counted again. ", by=by)

    case.refresh_from_db()
    assert (case.status, case.resolution, case.reason) == (status, resolution, "Counted again.")
    assert audited() == [(f"case.{status}", str(case.pk), start, status)]


@pytest.mark.req("EXC-49")
def test_quiet_time_lies_in_the_future(make_case):
    case = make_case()

    with pytest.raises(Refused) as refused:
        dismiss(case, reason="Known.", quiet_until=clock.now(), by=planner(HANDLE))

    assert (refused.value.field, ExceptionCase.objects.get().status) == ("quiet_until", "open")


@pytest.mark.req("EXC-43")
def test_reopening_takes_back_everything_the_closing_said(make_case):
    by = planner(HANDLE)
    case = make_case(assignee="ada", governed_by="run-1")
    dismiss(case, reason="Known.", quiet_until=clock.now() + timedelta(days=1), by=by)

    reopen(case, reason="It came back.", by=by)

    case.refresh_from_db()
    assert (case.status, case.resolution, case.reason, case.assignee, case.governed_by) == (
        Status.OPEN,
        "",
        "It came back.",
        "",
        "",
    )
    assert (case.version, case.closed_at, case.quiet_until) == (2, None, None)


def test_a_risk_with_a_live_case_is_not_reopened_under_either_of_its_names(make_case):
    closed = make_case(kind="stockout", key="stockout:A@S1", status="resolved")
    live = make_case(kind="out_of_stock", key="out_of_stock:A@S1")

    with pytest.raises(LiveTwinError) as refused:
        reopen(closed, by=planner(HANDLE))

    closed.refresh_from_db()
    assert (refused.value.extra, closed.status) == ({"case": live.pk}, "resolved")


@pytest.mark.req("EXC-50")
def test_a_note_is_kept_and_its_words_stay_out_of_the_log(make_case):
    by = planner(HANDLE)
    case = make_case()

    add_note(case, text=" Called the mill. ", by=by)
    with pytest.raises(Refused):
        add_note(case, text=" ", by=by)

    note = CaseNote.objects.get()
    assert (note.text, note.author) == ("Called the mill.", by.id)
    assert audited() == [("case.noted", str(case.pk), None, None)]


ACTS: dict[str, Callable[[ExceptionCase, Actor], object]] = {
    "acknowledge": lambda case, by: acknowledge(case, by=by),
    "assign": lambda case, by: assign(case, assignee="", by=by),
    "resolve": lambda case, by: resolve(case, reason="Why.", by=by),
    "dismiss": lambda case, by: dismiss(case, reason="Why.", by=by),
    "reopen": lambda case, by: reopen(case, by=by),
    "note": lambda case, by: add_note(case, text="Hm.", by=by),
    "govern": lambda case, by: govern({case.pk: "run"}, by=by),
    "close": lambda case, by: close_cases([Closure(case.pk, "by_hand", "Why.")], by=by),
    "detect": lambda case, by: detect_due(by=by),
}


@pytest.mark.req("SEC-01")
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("by", [planner("exceptions.read"), Actor.advisor("replenishment")])
def test_without_the_permission_nothing_is_written(make_case, act: str, by: Actor):
    case = make_case(status="acknowledged")
    before = model_to_dict(case)

    with pytest.raises(NotPermitted):
        ACTS[act](case, by)

    case.refresh_from_db()
    assert (model_to_dict(case), audited(), CaseNote.objects.count()) == (before, [], 0)


@pytest.mark.parametrize(
    ("status", "moves"),
    [
        ("open", {"acknowledge", "assign", "resolve", "dismiss", "note"}),
        ("acknowledged", {"reopen", "assign", "resolve", "dismiss", "note"}),
        ("resolved", {"reopen", "note"}),
        ("dismissed", {"reopen", "note"}),
    ],
)
def test_a_page_offers_what_the_flow_and_the_permissions_allow(
    make_case, status: str, moves: set[str]
):
    case = make_case(status=status)

    assert moves_of(case, planner(HANDLE)) == moves
    assert moves_of(case, planner("exceptions.read")) == set()
