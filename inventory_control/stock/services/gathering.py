"""Single events and orders taken together: the callers of one moment share one transaction.

A till that sends each sale as it happens costs a transaction a sale; on a promotion weekend a
hundred tills would queue for the same few rows. Here the events that arrive while a batch is
being posted become the next batch, with everything a batch has: one statement, one audit entry,
one commit. At rest no event waits for company, and each is answered after the commit that holds it. Orders
that reserve do the same: a hot item is locked once for all who ask for it, and promised in the order
they came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inventory_control.core import clock
from inventory_control.core.errors import DomainError, NotPermitted
from inventory_control.core.gathering import Gathering
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import correlation_id
from inventory_control.core.tenancy import current_tenant, on_shared_session
from inventory_control.events.services import Reading, read_rows
from inventory_control.events.values import Posted, Refusal
from inventory_control.people.errors import KeyRefusedError
from inventory_control.people.selectors import AskedHolders, KeyHolder, holders_of_keys
from inventory_control.stock import permissions
from inventory_control.stock.services.posting import in_one_transaction, rows_posted
from inventory_control.stock.services.reserving import Shelf, keep, shelf_for
from inventory_control.stock.values import Granted, ReservationLine
from inventory_control.web.tiers import Tier

AT_MOST = 200
"""Events of one turn; far more than a process has threads."""


@dataclass(frozen=True, slots=True)
class _Presented:
    """One event as it came in: the key shown, the body, and the request it belongs to."""

    secret: str
    row: bytes
    correlation_id: str


def post_presented(secret: str, row: bytes) -> Posted | Refusal:
    """Post one raw event for whoever presents a key, in company.

    The key is read in the transaction that posts, so a revoked key or right acts at once. Shares
    the answers and refusals of `post_rows`; raises `KeyRefusedError` and `NotPermitted`.
    """
    return _gathering.do(current_tenant().id, _Presented(secret, row, correlation_id()))


@dataclass(frozen=True, slots=True)
class _Order:
    """Lines that one caller wants reserved, and what that caller accepts."""

    secret: str
    lines: Sequence[ReservationLine]
    accept: Callable[[Sequence[Granted]], None]
    correlation_id: str


def reserve_presented(
    secret: str,
    lines: Sequence[ReservationLine],
    *,
    accept: Callable[[Sequence[Granted]], None],
) -> list[Granted]:
    """Reserve for whoever presents a key, in company; `reserve` says the rest.

    A call that does not accept what it would get takes nothing, and leaves it to those behind.
    """
    order = _Order(secret, lines, accept, correlation_id())
    return _promising.do(current_tenant().id, order)


def _promise(company: Sequence[_Order]) -> list[list[Granted] | Exception]:
    with on_shared_session():
        return in_one_transaction(lambda: _promised(company))


def _promised(company: Sequence[_Order]) -> list[list[Granted] | Exception]:
    asked = AskedHolders([one.secret for one in company])
    shelf = shelf_for([line for one in company for line in one.lines])
    holders = asked.holders(at=clock.real_now())
    answers = [_served(one, holders.get(one.secret), shelf) for one in company]
    for secret, holder in holders.items():
        kept = [
            (line, granted, one.correlation_id)
            for one, answer in zip(company, answers, strict=True)
            if one.secret == secret and not isinstance(answer, Exception)
            for line, granted in zip(one.lines, answer, strict=True)
        ]
        if kept:
            lines, promised, correlations = zip(*kept, strict=True)
            keep(lines, promised, shelf.names, correlations=correlations, by=holder.actor)
    return answers


def _served(order: _Order, holder: KeyHolder | None, shelf: Shelf) -> list[Granted] | Exception:
    if holder is None:
        return KeyRefusedError()
    try:
        holder.require_tier(Tier.EXPERIENCE)
        require(holder.actor, permissions.RESERVE)
        answers = shelf.promised(order.lines)
        order.accept(answers)
    except DomainError as refusal:
        return refusal
    shelf.take(order.lines, answers)
    return answers


def _post(company: Sequence[_Presented]) -> list[Posted | Refusal | Exception]:
    with on_shared_session():
        return in_one_transaction(lambda: _posted(company))


def _posted(company: Sequence[_Presented]) -> list[Posted | Refusal | Exception]:
    reading = read_rows([one.row for one in company])
    holders = holders_of_keys([one.secret for one in company], at=clock.real_now())
    places: dict[str, list[int]] = {}
    for place, one in enumerate(company):
        places.setdefault(one.secret, []).append(place)
    answers: dict[int, Posted | Refusal | Exception] = {}
    for secret, mine in places.items():
        theirs = _posted_for(
            holders.get(secret),
            reading.part(mine),
            [company[place].correlation_id for place in mine],
        )
        answers.update(zip(mine, theirs, strict=True))
    return [answers[place] for place in range(len(company))]


def _posted_for(
    holder: KeyHolder | None, reading: Reading, correlations: Sequence[str]
) -> Sequence[Posted | Refusal | Exception]:
    """The events of one key; a key that may not post harms no other."""
    if holder is None:
        return [KeyRefusedError() for _ in correlations]
    try:
        holder.require_tier(Tier.SYSTEM)
        return rows_posted(
            reading,
            received_from=holder.key_name,
            may_speak_for=holder.may_speak_for,
            by=holder.actor,
            correlations=correlations,
        )
    except NotPermitted as error:
        return [error for _ in correlations]


_promising: Gathering[_Order, list[Granted]] = Gathering(_promise, at_most=AT_MOST)
_gathering: Gathering[_Presented, Posted | Refusal] = Gathering(_post, at_most=AT_MOST)
