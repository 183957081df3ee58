"""Serving backorders: stock that comes free goes to those who wait, in turn, before it is sold;
or to one of them out of turn, when a person says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from inventory_control.audit.services import record
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.core.places import Place
from inventory_control.fulfilment import permissions
from inventory_control.fulfilment.errors import (
    FrozenPlaceError,
    GivenMeanwhileError,
    InvalidReleaseError,
    NotServedError,
    NotWaitingError,
)
from inventory_control.fulfilment.models import Backorder
from inventory_control.fulfilment.rules import in_turn, serve
from inventory_control.fulfilment.selectors import (
    has_waiting,
    locked_queue,
    queue_policy,
    wanted_of,
)
from inventory_control.fulfilment.services.settling import Turn, write_down
from inventory_control.fulfilment.values import KEPT, QueuePolicy, Served, Waiting
from inventory_control.stock.selectors import claims_by_key, has_open_claims, open_claims_of
from inventory_control.stock.services import in_one_transaction, lock_places
from inventory_control.stock.values import ClaimState

LONGEST_REASON = 300


def serve_backorders(places: Iterable[Place], *, by: Actor) -> int:
    """Give those who wait at some places what came free there; returns the backorders served.

    Runs in the transaction that works out what may be sold, before it does, so that no figure
    ever offers what is theirs. Balances are locked before anything is decided. What is given is
    posted as `allocation.created` under an id of its own, so that doing it again changes nothing;
    what is kept for the head of the queue is a claim too. A frozen place is left alone.
    """
    if not has_waiting() and not has_open_claims(KEPT):
        return 0
    turns = _turns(places, open_claims_of(KEPT))
    if not turns:
        return 0
    policy, name, tell = queue_policy()
    free = lock_places(turns)
    turns = {place: turn for place, turn in turns.items() if free.get(place, 0) is not None}
    rows = [row for turn in turns.values() for row in turn.rows]
    claims = claims_by_key({row.key for row in rows} | {turn.key for turn in turns.values()})
    for turn in turns.values():
        turn.kept = claims.get(turn.key)
    wanted = wanted_of(rows, claims)
    for place, turn in turns.items():
        turn.served = _serve(turn, wanted, free.get(place) or 0, policy)
    return write_down(turns, wanted, claims, policy_name=name, tell=tell, by=by)


def release_backorder(
    backorder: Backorder, *, units: int, had: int, reason: str, by: Actor
) -> Backorder:
    """Give one who waits so many units now, out of turn or in part, because a person says why.

    They come from what is free at the place and from what is kept there for the queue. Whoever is
    left is then served in turn from the rest, as ever. `had` is how many the person saw it had
    been given, so that the same press sent twice gives once. Raises `NotServedError` when there
    is not so much; then nothing is written.
    """
    require(by, permissions.ALLOCATE, backorder)
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise InvalidReleaseError(
            f"Say in at most {LONGEST_REASON} characters why it is given out of turn.",
            field="reason",
        )
    place = backorder.item_id, backorder.node_id

    def decide() -> list[Backorder]:
        turn = _turns([place], open_claims_of(KEPT)).get(place)
        chosen = next((row for row in turn.rows if row.pk == backorder.pk), None) if turn else None
        if turn is None or chosen is None:
            raise NotWaitingError
        policy, name, tell = queue_policy()
        free = lock_places([place]).get(place, 0)
        if free is None:
            raise FrozenPlaceError(f"{chosen.item.sku} is frozen at {chosen.node.code}.")
        claims = claims_by_key({row.key for row in turn.rows} | {turn.key})
        turn.kept = claims.get(turn.key)
        wanted = wanted_of(turn.rows, claims)
        supply = max(0, free + (turn.kept.open if turn.kept else 0))
        _check_release(chosen, units, had, wanted[chosen.pk], supply)
        ahead = _ahead(turn, chosen, wanted, policy)
        turn.served = _served_first(turn, chosen.pk, units, wanted, supply, policy)
        write_down({place: turn}, wanted, claims, policy_name=name, tell=tell, by=by)
        record(
            "backorder.released",
            subject=("backorder", str(chosen.pk)),
            by=by,
            data={
                "order": chosen.order,
                "units": units,
                "reason": reason.strip(),
                "passed_over": [row.key for row in ahead],
            },
        )
        return [chosen]

    (released,) = in_one_transaction(decide)
    return released


def _check_release(row: Backorder, units: int, had: int, wanted: int, supply: int) -> None:
    if not wanted:
        raise NotWaitingError
    if row.allocated != had:
        raise GivenMeanwhileError(
            f"{row.key} was given {row.allocated - had:,} meanwhile and still wants {wanted:,}."
        )
    if not 1 <= units <= wanted:
        raise InvalidReleaseError(
            f"{row.key} still wants {wanted:,}; give a whole number from 1 to {wanted:,}.",
            field="units",
        )
    if units > supply:
        raise NotServedError(
            f"Only {supply:,} may be given at {row.node.code}; nothing was changed.",
            field="units",
            extra={"available": supply},
        )


def _ahead(
    turn: Turn, chosen: Backorder, wanted: Mapping[int, int], policy: QueuePolicy
) -> list[Backorder]:
    """Who stands before one in the queue."""
    rows = {row.pk: row for row in turn.rows}
    ids = [one.id for one in in_turn(_queue(turn, wanted), policy)]
    return [rows[pk] for pk in ids[: ids.index(chosen.pk)]]


def _served_first(
    turn: Turn,
    pk: int,
    units: int,
    wanted: Mapping[int, int],
    supply: int,
    policy: QueuePolicy,
) -> Served:
    """One gets its units, the rest of the supply serves the queue in turn."""
    left = {**wanted, pk: wanted[pk] - units}
    rest = serve(_queue(turn, left), supply - units, policy)
    given = dict(rest.given)
    given[pk] = given.get(pk, 0) + units
    return replace(rest, given=tuple(given.items()))


def _turns(places: Iterable[Place], keeping: Mapping[Place, ClaimState]) -> dict[Place, Turn]:
    """The places where somebody waits or units are kept. What is kept is read again under the
    lock: whoever held it may have changed it.
    """
    asked = set(places)
    turns = {
        place: Turn(f"{claim.node}/{claim.sku}")
        for place, claim in keeping.items()
        if place in asked
    }
    for row in locked_queue(asked):
        place = row.item_id, row.node_id
        turns.setdefault(place, Turn(f"{row.node.code}/{row.item.sku}")).rows.append(row)
    return dict(sorted(turns.items()))


def _serve(turn: Turn, wanted: Mapping[int, int], free: int, policy: QueuePolicy) -> Served:
    return serve(_queue(turn, wanted), free + (turn.kept.open if turn.kept else 0), policy)


def _queue(turn: Turn, wanted: Mapping[int, int]) -> list[Waiting]:
    return [row.as_waiting(wanted[row.pk]) for row in turn.rows if wanted[row.pk]]
