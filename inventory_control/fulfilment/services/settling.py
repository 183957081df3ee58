"""Writing down who was served: claims, states, messages and new promise dates of a queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from inventory_control.audit.services import advance_all, record_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.places import Place
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.rules import promise_dates
from inventory_control.fulfilment.states import BackorderStatus
from inventory_control.fulfilment.values import KEPT, Expected, Served
from inventory_control.orders.selectors import inbound_supply
from inventory_control.outbox.services import queue_commands
from inventory_control.outbox.values import CommandDraft
from inventory_control.stock.services import tell_claims
from inventory_control.stock.values import ClaimState, ClaimTold

READY, PROMISED = "order.ready", "order.promise_changed"


@dataclass(slots=True)
class Turn:
    """The queue of one place: who waits there, what became of it, and the line that keeps units."""

    line: str
    rows: list[Backorder] = field(default_factory=list)
    kept: ClaimState | None = None
    served: Served = field(default_factory=lambda: Served((), (), 0))

    @property
    def key(self) -> str:
        """The claim under which units are kept here."""
        return f"{KEPT}/{self.line}"


def write_down(
    turns: Mapping[Place, Turn],
    wanted: Mapping[int, int],
    claims: Mapping[str, ClaimState],
    *,
    policy_name: str,
    tell: Sequence[str],
    by: Actor,
) -> int:
    """Post and keep what was decided for some places; returns the backorders served.

    Inside the transaction that decided under the locks of the places.
    """
    rows = [row for turn in turns.values() for row in turn.rows]
    given = {pk: units for turn in turns.values() for pk, units in turn.served.given}
    gross = _gross(rows, given, claims)
    _post(turns, gross, by)
    _write(rows, wanted, given, gross, policy_name=policy_name, tell=tell, by=by)
    _promise(turns, tell, by)
    return len(given)


def _gross(
    rows: Sequence[Backorder], given: Mapping[int, int], claims: Mapping[str, ClaimState]
) -> dict[int, int]:
    """What must be committed so that each line holds what it was given.

    Units that were cancelled before anything was committed are committed with the first ones:
    the claim's own arithmetic takes them off again.
    """
    owed = {key: claim.excess for key, claim in claims.items()}
    return {row.pk: given[row.pk] + owed.pop(row.key, 0) for row in rows if row.pk in given}


def _post(turns: Mapping[Place, Turn], gross: Mapping[int, int], by: Actor) -> None:
    told = [
        ClaimTold(
            kind="allocation.created",
            order=row.order,
            line=row.line,
            place=place,
            quantity=gross[row.pk],
            name=f"backorder/{row.event_id}/{row.allocated + gross[row.pk]}",
            channel=row.channel,
        )
        for place, turn in turns.items()
        for row in turn.rows
        if row.pk in gross
    ]
    for place, turn in turns.items():
        told += _kept_change(place, turn)
    tell_claims(told, source=KEPT, by=by)


def _kept_change(place: Place, turn: Turn) -> list[ClaimTold]:
    """The event that keeps more, or fewer, units for the head of the queue."""
    claim = turn.kept
    change = turn.served.kept - (claim.open if claim else 0)
    if not change:
        return []
    total = (claim.committed, claim.released) if claim else (0, 0)
    kind, sum_ = (
        ("allocation.created", total[0] + change)
        if change > 0
        else ("reservation.released", total[1] - change)
    )
    return [
        ClaimTold(
            kind=kind,
            order=KEPT,
            line=turn.line,
            place=place,
            quantity=abs(change),
            name=f"kept/{turn.line}/{kind}/{sum_}",
        )
    ]


def _write(
    rows: Sequence[Backorder],
    wanted: Mapping[int, int],
    given: Mapping[int, int],
    gross: Mapping[int, int],
    *,
    policy_name: str,
    tell: Sequence[str],
    by: Actor,
) -> None:
    """Move the rows on, and tell who is served; what nobody wants any more leaves the queue."""
    for row in rows:
        row.allocated += gross.get(row.pk, 0)
    served = [row for row in rows if row.pk in given]
    Backorder.objects.bulk_update(served, ["allocated"])
    record_all(
        "backorder.served",
        kind="backorder",
        subjects={
            str(row.pk): {"order": row.order, "units": given[row.pk], "policy": policy_name}
            for row in served
        },
        by=by,
    )
    advance_all(
        [row for row in served if given[row.pk] == wanted[row.pk]],
        BackorderStatus.ALLOCATED,
        by=by,
        verb="backorder.allocated",
    )
    advance_all(
        [row for row in rows if not wanted[row.pk]],
        BackorderStatus.CANCELLED,
        by=by,
        verb="backorder.cancelled",
    )
    queue_commands(
        [
            CommandDraft(
                kind=READY,
                target=target,
                idempotency_key=f"{READY}:{target}:{row.pk}:{row.allocated}",
                payload=_payload(row) | {"quantity": given[row.pk]},
                subject=("order", row.order),
            )
            for row in served
            for target in tell
        ],
        by=by,
    )


def _promise(turns: Mapping[Place, Turn], tell: Sequence[str], by: Actor) -> None:
    """Work out when those who still wait will be served, and tell those whose date moved."""
    waiting = {place: turn for place, turn in turns.items() if turn.served.waiting}
    if not waiting:
        return
    now = clock.now()
    supply = inbound_supply(waiting)
    moved: list[Backorder] = []
    was: dict[int, str] = {}
    for place, turn in waiting.items():
        rows = {row.pk: row for row in turn.rows}
        dates = promise_dates(
            turn.served.waiting,
            turn.served.kept,
            [
                Expected(one.quantity, one.expected_at)
                for one in supply[place]
                if one.expected_at is not None and one.expected_at > now
            ],
            ready=timedelta(hours=next(iter(rows.values())).node.ready_hours),
        )
        for pk, at in dates.items():
            if rows[pk].promise_at != at:
                was[pk] = _moment(rows[pk].promise_at)
                rows[pk].promise_at, rows[pk].promises = at, rows[pk].promises + 1
                moved.append(rows[pk])
    _tell_promises(moved, was, tell, by)


def _tell_promises(
    moved: Sequence[Backorder], was: Mapping[int, str], tell: Sequence[str], by: Actor
) -> None:
    if not moved:
        return
    Backorder.objects.bulk_update(moved, ["promise_at", "promises"])
    said = {row.pk: {"promise_at": _moment(row.promise_at), "was": was[row.pk]} for row in moved}
    record_all(
        "backorder.promised",
        kind="backorder",
        subjects={str(row.pk): {"order": row.order, **said[row.pk]} for row in moved},
        by=by,
    )
    queue_commands(
        [
            CommandDraft(
                kind=PROMISED,
                target=target,
                idempotency_key=f"{PROMISED}:{target}:{row.pk}:{row.promises}",
                payload=_payload(row) | said[row.pk],
                subject=("order", row.order),
            )
            for row in moved
            for target in tell
        ],
        by=by,
    )


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()


def _payload(row: Backorder) -> dict[str, object]:
    return {
        "order": row.order,
        "line": row.line,
        "item": row.item.sku,
        "node": row.node.code,
        "channel": row.channel,
        "customer": row.customer,
    }
