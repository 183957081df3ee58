"""Control totals: what a source says it sent, against what is here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exceptions.models import ExceptionCase
from exceptions.services import detect_due
from inventory_control.core import clock
from inventory_control.core.errors import NotPermitted, Refused
from inventory_control.events.models import EventWork
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.services import queue_command
from inventory_control.reconciliation.models import ControlTotal
from inventory_control.reconciliation.selectors import outbound_totals
from inventory_control.reconciliation.services import declare_total, take_reports
from inventory_control.reconciliation.values import Declaration
from tests.factories import SYSTEM, event, hour, planner, send
from tests.reconciliation.reports import about


def sales(numbers: range) -> list[dict[str, Any]]:
    """One sale a minute of a day, by their numbers."""
    return [
        about("sale.recorded", 1, hour(8) + timedelta(minutes=number), source_id=f"T-{number:04d}")
        for number in numbers
    ]


def declared(expected: int, **fields: Any) -> ControlTotal:
    """The till's word on its sales of that day."""
    said = {
        "source": "pos", "direction": "in", "type": "sale.recorded", "since": hour(0),
        "until": hour(24), "expected": expected, "declared_at": clock.now(), **fields,
    }  # fmt: skip
    return declare_total(Declaration(**said), by=SYSTEM)


@pytest.mark.req("INT-35", "REC-06")
def test_412_against_409_opens_an_item_that_lists_the_three(lamp):
    rows = sales(range(1, 413))
    send(*[row for row in rows if row["source_id"] not in {"T-0007", "T-0123", "T-0411"}])

    total = declared(412)

    assert (total.status, total.received, total.gap) == ("open", 409, 3)
    assert total.missing == ["T-0007", "T-0123", "T-0411"]
    detect_due(by=SYSTEM)
    case = ExceptionCase.objects.get(kind="completeness")
    assert (case.units, case.status, case.document) == (3, "open", f"CT-{total.pk}")
    assert case.evidence["missing"] == ["T-0007", "T-0123", "T-0411"]


@pytest.mark.req("INT-35")
def test_what_arrives_late_ties_the_total_and_closes_the_item(lamp, run):
    rows = sales(range(1, 11))
    send(*rows[:8])
    total = declared(10, ids=tuple(row["source_id"] for row in rows))
    detect_due(by=SYSTEM)
    assert total.missing == ["T-0009", "T-0010"]
    send(*rows[8:])

    run()

    total.refresh_from_db()
    assert (total.status, total.received, total.missing) == ("tied", 10, [])
    assert ExceptionCase.objects.get(kind="completeness").status == "resolved"


@pytest.mark.req("INT-35")
def test_more_than_was_sent_does_not_tie_either(lamp):
    send(*sales(range(1, 4)))

    total = declared(2)

    assert (total.status, total.gap, total.missing) == ("open", -1, [])


@pytest.mark.req("INT-35")
def test_refused_rows_of_the_source_are_shown_beside_the_gap(lamp):
    send(*sales(range(1, 3)), about("sale.recorded", 1, hour(9), item="UNKNOWN"))

    total = declared(3, since=hour(0), until=clock.now() + timedelta(hours=1))

    assert (total.received, total.refused) == (2, 1)


@pytest.mark.req("INT-35")
def test_a_source_declares_by_event_and_an_older_word_is_dropped(lamp):
    send(*sales(range(1, 6)))
    window = {"from": hour(0).isoformat(), "to": hour(24).isoformat(), "type": "sale.recorded"}
    for count, at in ((6, hour(30)), (9, hour(28))):
        send(
            event("control_total.declared", item=None, node=None, occurred_at=at,
                  attributes={**window, "count": count})
        )  # fmt: skip
        take_reports(by=SYSTEM)

    total = ControlTotal.objects.get()
    assert (total.source, total.expected, total.received, total.missing) == ("pos", 6, 5, [])


@pytest.mark.req("INT-35")
@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}, "attributes.count"),
        ({"count": 3, "to": "2026-01-02T00:00:00Z"}, "attributes.from"),
        (
            {"count": 3, "from": "2026-01-02T00:00:00Z", "to": "2026-01-02T00:00:00Z"},
            "attributes.to",
        ),
    ],
)
def test_a_declaration_that_says_nothing_is_refused_and_kept(lamp, attributes, field):
    (answer,) = send(event("control_total.declared", item=None, node=None, attributes=attributes))

    assert (str(answer.outcome), answer.field) == ("quarantined", field)
    assert EventWork.objects.count() == 0


@pytest.mark.req("REC-06")
def test_what_was_sent_is_held_against_what_was_acknowledged(lamp):
    for number, status in enumerate(("sent", "sent", "dead", "due", "cancelled")):
        command = queue_command(
            kind="purchase_order.create", target="erp", idempotency_key=f"k{number}",
            payload={}, by=SYSTEM,
        )  # fmt: skip
        OutboundCommand.objects.filter(pk=command.pk).update(status=status)

    now = clock.now()
    (sent,) = outbound_totals(now - timedelta(hours=1), now + timedelta(hours=1))

    assert (sent.queued, sent.acknowledged, sent.waiting, sent.dead, sent.cancelled) == (
        5, 2, 1, 1, 1,
    )  # fmt: skip
    assert sent.is_tied is False


@pytest.mark.req("REC-06")
def test_the_erp_may_declare_how_many_documents_it_accepted(lamp):
    for number in range(3):
        command = queue_command(
            kind="purchase_order.create", target="erp", idempotency_key=f"po-{number}",
            payload={}, by=SYSTEM,
        )  # fmt: skip
        OutboundCommand.objects.filter(pk=command.pk).update(status="sent")
    now = clock.now()
    window = {
        "source": "erp", "direction": "out", "type": "purchase_order.create",
        "since": now - timedelta(hours=1), "until": now + timedelta(hours=1),
    }  # fmt: skip

    assert declared(3, **window).status == "tied"
    again = declared(2, **window, declared_at=clock.now())
    assert (again.status, again.gap) == ("open", -1)


def test_declaring_takes_the_right_and_a_window(lamp):
    with pytest.raises(NotPermitted):
        declare_total(Declaration("pos", "in", "", hour(0), hour(1), 1, clock.now()), by=planner())
    with pytest.raises(Refused, match="31 days"):
        declared(1, until=hour(24 * 40))
    assert ControlTotal.objects.count() == 0
