"""What an event means for the ledger: legs, claims, the fold of counts, and grants. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from inventory_control.events.rules import OLDEST_ACCEPTED, SKEW_REFUSED
from inventory_control.events.values import EventDraft
from inventory_control.stock.errors import (
    ForbiddenTransitionError,
    InvalidExpiryError,
    InvalidTermsError,
    UnknownStateError,
)
from inventory_control.stock.states import (
    FINAL_VERDICTS,
    INSPECTED_TO,
    Effect,
    Form,
    Outside,
    State,
    Verdict,
)
from inventory_control.stock.values import (
    AssertedPoint,
    ClaimChange,
    Financial,
    Judged,
    Leg,
    ReservationLine,
    SeriesDay,
    SeriesFigures,
    Tolerance,
)

MOVES: dict[str, tuple[str, str]] = {
    "sale.recorded": (State.SELLABLE, Outside.CUSTOMER),
    "order.shipped": (State.SELLABLE, Outside.CUSTOMER),
    "return.received": (Outside.CUSTOMER, State.RECEIVED),
    "return.inspected": (State.RECEIVED, ""),
    "receipt.recorded": (Outside.SUPPLIER, State.SELLABLE),
    "receipt.inspected": (State.RECEIVED, ""),
    "putaway.recorded": (State.RECEIVED, State.SELLABLE),
    "asn.created": (Outside.SUPPLIER, State.IN_TRANSIT),
    "shipment.dispatched": (Outside.SUPPLIER, State.IN_TRANSIT),
    "transfer.shipped": (State.SELLABLE, State.IN_TRANSIT),
    "transfer.received": (State.IN_TRANSIT, State.SELLABLE),
    "transfer.returned": (State.IN_TRANSIT, State.SELLABLE),
    "transfer.written_off": (State.IN_TRANSIT, Outside.ADJUSTMENT),
    "damage.recorded": (State.SELLABLE, State.DAMAGED),
    "disposal.recorded": (State.DAMAGED, Outside.DISPOSAL),
    "vendor_return.shipped": (State.VENDOR_RETURN, Outside.SUPPLIER),
    "adjustment.recorded": (Outside.ADJUSTMENT, State.SELLABLE),
}
"""From which account to which a type moves stock, unless the event names the state itself. A
shipping notice moves only when it says that the goods have left (`attributes.dispatched`).
"""

LEAST_YEARS, MOST_YEARS = 10, 100
"""The least a ledger is kept for; `ic_sys.ledger_floor` applies it whatever a policy says."""
_INSPECTIONS = frozenset({"return.inspected", "receipt.inspected"})
_TO_ANOTHER_NODE = frozenset({"transfer.shipped", "transfer.returned"})

FINANCIALS: dict[str, Financial] = {
    "sale.recorded": Financial(Effect.GOODS_OUT),
    "order.shipped": Financial(Effect.GOODS_OUT),
    "return.received": Financial(Effect.GOODS_IN, Form.RECEIPT),
    "return.inspected": Financial(Effect.CONDITION, Form.RETURN),
    "receipt.recorded": Financial(Effect.GOODS_IN, Form.RECEIPT),
    "receipt.inspected": Financial(Effect.CONDITION),
    "putaway.recorded": Financial(Effect.CONDITION),
    "asn.created": Financial(Effect.NONE),
    "shipment.dispatched": Financial(Effect.NONE),
    "transfer.shipped": Financial(Effect.IN_HOUSE, between=Form.SALE),
    "transfer.received": Financial(Effect.IN_HOUSE, Form.TRANSFER, between=Form.PURCHASE),
    "transfer.returned": Financial(Effect.IN_HOUSE, between=Form.SALE, sign=-1),
    "transfer.written_off": Financial(Effect.LOST, Form.WRITE_OFF, sign=-1),
    "damage.recorded": Financial(Effect.LOST, Form.ADJUSTMENT, sign=-1),
    "disposal.recorded": Financial(Effect.LOST, Form.WRITE_OFF, sign=-1),
    "vendor_return.shipped": Financial(Effect.GOODS_OUT, Form.RETURN, sign=-1),
    "adjustment.recorded": Financial(Effect.ADJUSTED, Form.ADJUSTMENT),
    "stock.opened": Financial(Effect.NONE),
    "stock.counted": Financial(Effect.ADJUSTED, Form.ADJUSTMENT),
    "stock.reported": Financial(Effect.ADJUSTED, Form.ADJUSTMENT),
}
"""What each type that changes the ledger means to the ERP. Sales expect nothing: the system that
sold tells the ERP of them. Goods under way are the supplier's until they are received.
"""

MAY_NAME_SOURCE = {
    "return.inspected": frozenset(INSPECTED_TO),
    "receipt.inspected": frozenset({State.RECEIVED, State.QUARANTINED}),
    "receipt.recorded": frozenset({State.IN_TRANSIT, Outside.SUPPLIER}),
    "putaway.recorded": frozenset({State.RECEIVED, State.QUARANTINED}),
    "disposal.recorded": frozenset({State.DAMAGED, State.QUARANTINED, State.REFURBISHABLE}),
    "damage.recorded": frozenset({State.SELLABLE, State.RECEIVED, State.REFURBISHABLE}),
}
MAY_NAME_TARGET = {
    "return.received": frozenset({State.RECEIVED, State.QUARANTINED}),
    "receipt.recorded": frozenset({State.SELLABLE, State.RECEIVED, State.QUARANTINED}),
    "transfer.received": frozenset({State.SELLABLE, State.RECEIVED, State.QUARANTINED}),
    "adjustment.recorded": frozenset(set(State) - {State.IN_TRANSIT}),
    "return.inspected": frozenset(State),
    "receipt.inspected": frozenset(State),
}

CLAIMS: dict[str, tuple[str, ...]] = {
    "order.created": ("committed",),
    "reservation.created": ("committed",),
    "reservation.confirmed": ("confirmed",),
    "allocation.created": ("committed", "confirmed"),
    "order.shipped": ("shipped",),
    "sale.recorded": ("shipped",),
    "order.cancelled": ("released",),
    "reservation.released": ("released",),
}
"""Which counters of its order line's claim a type adds to."""


def entries_for(draft: EventDraft) -> tuple[Leg, ...]:
    """The balanced legs of a move, or none for every other kind.

    Raises `UnknownStateError` for a state the type may not name, `ForbiddenTransitionError` for
    a way between states that does not exist.
    """
    event = draft.event
    if event.quantity is None or not _moves_stock(draft):
        return ()
    source, target = _accounts_of(draft)
    item_id, node_id = _placed(draft)
    to_node_id = draft.to_node_id if event.type in _TO_ANOTHER_NODE else node_id
    lot = event.lot or ""
    return (
        Leg(item_id, node_id, source, -event.quantity, lot),
        Leg(item_id, to_node_id or node_id, target, event.quantity, lot),
    )


def claim_of(draft: EventDraft) -> ClaimChange | None:
    """What an event changes of its order line's claim, or None when it names no order line.

    Commit, confirm, ship and release only ever add to their own counters, so their order of
    arrival does not matter (D3).
    """
    event = draft.event
    if event.order is None or event.line is None or event.quantity is None:
        return None
    if event.type not in CLAIMS:
        return None
    item_id, node_id = _placed(draft)
    return ClaimChange(
        f"{event.order}/{event.line}",
        item_id,
        node_id,
        event.channel or "",
        **dict.fromkeys(CLAIMS[event.type], event.quantity),
    )


def replaced_legs(legs: Sequence[Leg], told: int, before: int, after: int) -> tuple[Leg, ...]:
    """The legs that take back what stands of a move, and put in what is to stand.

    `legs` moved the `told` units; `before` of them stand, `after` are to.
    """
    if not told:
        return ()
    return tuple(
        Leg(leg.item_id, leg.node_id, leg.state, leg.quantity // told * units, leg.lot)
        for units in (-before, after)
        if units
        for leg in legs
    )


def judge(points: Sequence[AssertedPoint], tolerance: Tolerance) -> list[Judged]:
    """Fold the assertions of one account, in order of their keys, into verdicts.

    The position before an assertion is the last accepted quantity plus the moves since. An
    accepted assertion sets the position and owes the ledger the difference; a pending one
    changes nothing. A verdict is a function of the fold alone, so it comes out the same whatever
    the order of arrival; only a final verdict of a person stands. A pending count that a later
    accepted one overtook is superseded.
    """
    position = 0
    judged: list[Judged] = []
    for index, point in enumerate(points):
        expected = position + point.moved
        verdict = point.settled or _policy_verdict(point, expected, index, tolerance)
        accepted = verdict in (Verdict.ACCEPTED, Verdict.APPROVED)
        position = point.quantity if accepted else expected
        judged.append(
            Judged(point.event_id, expected, verdict, point.quantity - expected if accepted else 0)
        )
    return _superseding(judged)


def grants(requests: Sequence[tuple[int, bool]], available: int) -> list[int]:
    """How many units each request gets, first come first served.

    A request is (units, whether a part is welcome); one that wants all or nothing gets nothing
    when less is left, and leaves it to those behind.
    """
    left = max(0, available)
    granted: list[int] = []
    for units, is_partial in requests:
        given = units if units <= left else (left if is_partial else 0)
        granted.append(given)
        left -= given
    return granted


def expiry_at(
    *, now: datetime, expires_in: int | None = None, expires_at: datetime | None = None
) -> datetime | None:
    """When a reservation ends, rounded up to the second: one timer serves all that end in it.

    Raises `InvalidExpiryError` when both are named, or a moment that is past.
    """
    if expires_in is not None and expires_at is not None:
        raise InvalidExpiryError("Name expires_in or expires_at, not both.", field="expires_at")
    if expires_in is not None:
        expires_at = now + timedelta(seconds=expires_in)
    if expires_at is None:
        return None
    if expires_at <= now:
        raise InvalidExpiryError(
            f"{expires_at.isoformat()} is past; it is {now.isoformat()}.", field="expires_at"
        )
    whole = expires_at.replace(microsecond=0)
    return whole if whole == expires_at else whole + timedelta(seconds=1)


def line_fault(line: ReservationLine, *, now: datetime) -> tuple[str, str] | None:
    """Why a reservation line could not be told as an event: the field and the sentence, or None.

    Asked before anything is promised: a promise that leaves no event would be none.
    """
    if not line.order:
        return "order", "Name the order."
    at = line.occurred_at
    if at is not None and not now - OLDEST_ACCEPTED <= at <= now + SKEW_REFUSED:
        return "occurred_at", f"{at.isoformat()} is too far from {now.isoformat()}."
    return None


def check_reservations(value: Mapping[str, object]) -> None:
    """Raise `InvalidTermsError` when a policy does not say whether a part is welcome."""
    if dict(value) not in ({"mode": "all_or_nothing"}, {"mode": "partial"}):
        raise InvalidTermsError("mode is all_or_nothing or partial.", field="mode")


def check_retention(value: Mapping[str, object]) -> None:
    """Raise `InvalidTermsError` unless the ledger is kept for years the law allows, or for good."""
    years = value.get("years")
    if set(value) != {"years"}:
        raise InvalidTermsError("Say years: how long, or null to keep everything.", field="years")
    if years is not None and (type(years) is not int or not LEAST_YEARS <= years <= MOST_YEARS):
        raise InvalidTermsError(
            f"years is {LEAST_YEARS} to {MOST_YEARS}, or null to keep everything; the law asks for"
            f" {LEAST_YEARS}.",
            field="years",
        )


def why_kept(code: str) -> str:
    """Why a part of the ledger may not be retired, as a sentence, from what the database says."""
    kind, _, about = code.partition(":")
    return _WHY_KEPT[kind].format(about)


_WHY_KEPT = {
    "open": "It is the newest part, which is still written to.",
    "kept": "The policy ledger_retention keeps everything.",
    "too_young": "The policy ledger_retention keeps what was posted after {}.",
    "legal_hold": "It is under legal hold {}.",
    "not_locked": "Its period is not locked; the policy period_lock must have reached {} for an hour.",
    "unsigned": "What was compared on {} was never signed off.",
    "count_pending": "The count of event {} waits for a person.",
    "days_behind": "Its days are not added up yet; that takes a minute or two.",
}


def claim_state(
    *, committed: int, confirmed: int, shipped: int, released: int, is_expired: bool
) -> str:
    """The life of a claim in one word, from its counters.

    `overdrawn` is a claim of which more left than was ever promised: an order that shipped
    although it was cancelled. Nobody may overlook it, so it goes before every other word.
    """
    left = committed - shipped - released
    if committed and shipped and released and left < 0:
        return "overdrawn"
    if left > 0:
        if not confirmed:
            return "reserved"
        return "confirmed" if confirmed >= left else "part_confirmed"
    if shipped:
        return "shipped"
    return "expired" if is_expired else "released"


def _policy_verdict(point: AssertedPoint, expected: int, index: int, tolerance: Tolerance) -> str:
    if point.is_opening and index == 0:
        return Verdict.ACCEPTED
    if tolerance.allows(point.quantity - expected, expected):
        return Verdict.ACCEPTED
    return Verdict.PENDING


def _superseding(judged: list[Judged]) -> list[Judged]:
    later_accepted = False
    answer: list[Judged] = []
    for one in reversed(judged):
        overtaken = later_accepted and one.verdict == Verdict.PENDING
        answer.append(
            Judged(one.event_id, one.expected, Verdict.SUPERSEDED, 0) if overtaken else one
        )
        later_accepted |= one.verdict in (Verdict.ACCEPTED, Verdict.APPROVED)
    return answer[::-1]


def _moves_stock(draft: EventDraft) -> bool:
    if draft.event.type == "asn.created":
        return (draft.event.attributes or {}).get("dispatched") is True
    return draft.kind == "move"


def _accounts_of(draft: EventDraft) -> tuple[str, str]:
    event = draft.event
    source, target = MOVES[event.type]
    if event.from_state is not None:
        source = _allowed(
            event.from_state, MAY_NAME_SOURCE.get(event.type), "from_state", event.type
        )
    if event.to_state is not None:
        target = _allowed(event.to_state, MAY_NAME_TARGET.get(event.type), "to_state", event.type)
    if event.type in _INSPECTIONS and target not in INSPECTED_TO[source]:
        raise ForbiddenTransitionError(
            f"{source} stock cannot become {target}. It may become: "
            f"{', '.join(sorted(INSPECTED_TO[source]))}.",
            field="to_state",
        )
    return source, target


def _allowed(state: str, allowed: frozenset[str] | None, field: str, event_type: str) -> str:
    if allowed is not None and state in allowed:
        return state
    names = ", ".join(sorted(allowed)) if allowed else "nothing: leave the field out"
    raise UnknownStateError(f"{event_type} may name as {field}: {names}.", field=field)


def _placed(draft: EventDraft) -> tuple[int, int]:
    if draft.item_id is None or draft.node_id is None:
        raise UnknownStateError(f"{draft.event.type} needs an item and a node.", field="item")
    return draft.item_id, draft.node_id


def is_final(verdict: str) -> bool:
    """Whether a verdict is a person's, and stands whatever arrives."""
    return verdict in FINAL_VERDICTS


def series_figures(days: Sequence[SeriesDay]) -> SeriesFigures:
    """What a run of days comes to; every day counts, also those on which nothing happened."""
    sold = sum(day.sold for day in days)
    velocity = sold / len(days) if days else 0.0
    weekdays: dict[int, float] = {}
    for weekday in range(1, 8):
        mine = [day.sold for day in days if day.day.isoweekday() == weekday]
        if mine and velocity:
            weekdays[weekday] = sum(mine) / len(mine) / velocity
    return SeriesFigures(
        velocity=velocity,
        return_rate=sum(day.returned for day in days) / sold if sold else None,
        shrink_rate=sum(day.shrink for day in days) / sold if sold else None,
        weekdays=weekdays,
    )
