"""Folding: keep every assertion's verdict what the true order of events says it is (D3).

Runs only for accounts that were counted at or after the events of a batch; everything else takes
the plain sum. The caller's transaction holds the balance rows, so two folds of one account never
overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.db import connection, transaction

from inventory_control.audit.services import record, record_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import IllegalMove, Refused
from inventory_control.core.permissions import require
from inventory_control.core.places import Place
from inventory_control.core.sql import named_statements
from inventory_control.events.selectors import ERP
from inventory_control.events.services import hand_over
from inventory_control.events.values import EventDraft
from inventory_control.policies.selectors import current_policy
from inventory_control.stock import permissions
from inventory_control.stock.models import Assertion
from inventory_control.stock.rules import is_final, judge
from inventory_control.stock.states import Outside, State, Verdict
from inventory_control.stock.values import AssertedPoint, FoldKey, Judged, Leg, Tolerance

_SQL = named_statements(Path(__file__).parents[1] / "refold.sql")
Account = tuple[int, int, str]


@dataclass(slots=True)
class _Point:
    """An assertion row while it is folded; `is_new` rows are inserted, the others updated."""

    account: Account
    point: AssertedPoint
    expected: int
    adjusted: int
    verdict: str
    is_new: bool = False


def refold(
    *,
    asserted: Sequence[tuple[EventDraft, int]],
    late: Iterable[tuple[tuple[Leg, ...], object, str, str]],
    restated: Mapping[int, int | None],
) -> None:
    """Take in new assertions, late moves and withdrawals, and settle what the ledger owes.

    `asserted` are new assertion events with their ids; `late` the legs of moves that stand
    before a known assertion, with their fold keys; `restated` what corrections now say of
    assertions, None that they are taken back. Ledger lines are appended for every adjustment
    that changed.
    """
    moves = [
        ((leg.item_id, leg.node_id, leg.state), (at, source, source_id), leg.quantity)
        for legs, at, source, source_id in late
        for leg in legs
        if leg.state in set(State)
    ]
    places = {(account[0], account[1]) for account, _, _ in moves}
    places |= {(draft.item_id or 0, draft.node_id or 0) for draft, _ in asserted}
    places |= set(
        Assertion.objects.filter(pk__in=restated).values_list("item_id", "node_id")
        if restated
        else ()
    )
    if not places:
        return
    accounts = _load(sorted(places))
    for account, key, quantity in moves:
        _add_late_move(accounts.get(account, []), key, quantity)  # type: ignore[arg-type]
    for draft, event_id in asserted:
        _insert(accounts, draft, event_id)
    for points in accounts.values():
        for one in points:
            if one.point.event_id in restated:
                one.point = _restated(one.point, restated[one.point.event_id])
    _settle(accounts, counted={_account_of(draft) for draft, _ in asserted})


@transaction.atomic
def settle_count(*, event_id: int, verdict: str, reason: str, by: Actor) -> Assertion:
    """Approve or reject a pending count, once and for all; only a person may.

    Approving posts the variance as an adjustment, rejecting leaves the ledger as it is; both
    unfreeze. Raises `Refused` without a reason, `IllegalMove` when it was settled before.
    """
    require(by, permissions.ADJUST)
    if verdict not in (Verdict.APPROVED, Verdict.REJECTED):
        raise Refused("Settle a count as approved or rejected.", field="verdict")
    if not reason.strip():
        raise Refused("Say why.", field="reason")
    found = Assertion.objects.get(pk=event_id)
    accounts = _load([(found.item_id, found.node_id)])
    account = (found.item_id, found.node_id, found.state)
    for one in accounts[account]:
        if one.point.event_id != event_id:
            continue
        if is_final(one.verdict):
            raise IllegalMove(f"This count is {one.verdict} already.")
        one.point = replace(one.point, settled=verdict)
    Assertion.objects.filter(pk=event_id).update(settled_by=by.id, settled_reason=reason)
    _settle(accounts, counted={account})
    record(
        "count.settled",
        subject=("count", str(event_id)),
        by=by,
        data={"verdict": verdict, "reason": reason, "counted": found.quantity},
    )
    ring("availability")
    return Assertion.objects.get(pk=event_id)


def _load(places: Sequence[Place]) -> dict[Account, list[_Point]]:
    """Lock the balances of some places and read their assertions in fold order."""
    items, nodes = [item for item, _ in places], [node for _, node in places]
    accounts: dict[Account, list[_Point]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT FROM stock_stockbalance
             WHERE (item_id, node_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))
             ORDER BY item_id, node_id
               FOR UPDATE
            """,
            [items, nodes],
        )
        cursor.execute(_SQL["assertions"], {"items": items, "nodes": nodes})
        for row in cursor.fetchall():
            (
                event_id, item_id, node_id, state, at, source, source_id, is_opening, quantity,
                moved, expected, adjusted, verdict,
            ) = row  # fmt: skip
            point = AssertedPoint(
                event_id=event_id,
                key=(at, source, source_id),
                quantity=quantity,
                moved=moved,
                is_opening=is_opening,
                settled=verdict if is_final(verdict) else None,
            )
            account = (item_id, node_id, state)
            accounts.setdefault(account, []).append(
                _Point(account, point, expected, adjusted, verdict)
            )
    return accounts


def _add_late_move(points: list[_Point], key: FoldKey, quantity: int) -> None:
    """A late move belongs to the first assertion after it; later ones absorb it through that."""
    for one in points:
        if one.point.key > key:
            one.point = replace(one.point, moved=one.point.moved + quantity)
            return


def _restated(point: AssertedPoint, quantity: int | None) -> AssertedPoint:
    """An assertion as its correction leaves it; whoever settled it had seen another quantity."""
    if quantity is None:
        return replace(point, settled=Verdict.WITHDRAWN)
    return replace(point, quantity=quantity, settled=None)


def _insert(accounts: dict[Account, list[_Point]], draft: EventDraft, event_id: int) -> None:
    """Put a new assertion in its place, and split the moves of the one behind it."""
    account = _account_of(draft)
    points = accounts.setdefault(account, [])
    key: FoldKey = (draft.event.occurred_at, *draft.key)
    place = sum(1 for one in points if one.point.key < key)
    before = points[place - 1].point.key if place else None
    moved = _moved_between(account, before, key)
    if place < len(points):
        behind = points[place]
        behind.point = replace(behind.point, moved=behind.point.moved - moved)
    point = AssertedPoint(
        event_id=event_id,
        key=key,
        quantity=draft.event.quantity or 0,
        moved=moved,
        is_opening=draft.event.type == "stock.opened",
    )
    points.insert(place, _Point(account, point, 0, 0, Verdict.PENDING, is_new=True))


def _moved_between(account: Account, after: FoldKey | None, to: FoldKey) -> int:
    item_id, node_id, state = account
    from_at, from_source, from_source_id = after or (None, "", "")
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["moved_between"],
            {
                "item_id": item_id,
                "node_id": node_id,
                "state": state,
                "from_at": from_at,
                "from_source": from_source,
                "from_source_id": from_source_id,
                "to_at": to[0],
                "to_source": to[1],
                "to_source_id": to[2],
            },
        )
        (moved,) = cursor.fetchone()
    return int(moved)


def _account_of(draft: EventDraft) -> Account:
    return draft.item_id or 0, draft.node_id or 0, draft.event.to_state or State.SELLABLE


def _settle(accounts: dict[Account, list[_Point]], *, counted: set[Account]) -> None:
    """Judge every account, append what the ledger owes, and keep rows and balances in step."""
    policy = current_policy("count_tolerance")
    tolerance = Tolerance(units=int(policy.value["units"]), share=float(policy.value["share"]))
    owed: list[tuple[_Point, Judged]] = []
    changed_places: set[Place] = {(account[0], account[1]) for account in counted}
    for points in accounts.values():
        for one, verdict in zip(points, judge([p.point for p in points], tolerance), strict=True):
            owed.append((one, verdict))
            if verdict.adjustment != one.adjusted or verdict.verdict != one.verdict:
                changed_places.add((one.account[0], one.account[1]))
    _append_adjustments(owed)
    _tell_changes(owed, policy_version=policy.version)
    _write_assertions(owed)
    _write_balances(owed, changed_places)


def _append_adjustments(owed: Sequence[tuple[_Point, Judged]]) -> None:
    """Two ledger lines for each adjustment that changed, by the difference; the ERP is to know.

    An opening balance is in the ERP's books already.
    """
    lines = [
        (one.point.event_id, *one.account[:2], state, sign * change, one.point.key[0])
        for one, verdict in owed
        if (change := verdict.adjustment - one.adjusted)
        for state, sign in ((one.account[2], 1), (Outside.ADJUSTMENT.value, -1))
    ]
    if not lines:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO stock_ledgerentry (
                posted_at, event_id, item_id, node_id, state, lot, quantity, cause, occurred_at
            )
            SELECT %s, event_id, item_id, node_id, state, '', quantity, 'assert', at
              FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[],
                          %s::timestamptz[])
                AS line (event_id, item_id, node_id, state, quantity, at)
            """,
            [clock.now(), *(list(column) for column in zip(*lines, strict=True))],
        )
    counted = {
        one.point.event_id
        for one, verdict in owed
        if verdict.adjustment != one.adjusted and not one.point.is_opening
    }
    hand_over([(ERP, event_id) for event_id in sorted(counted)])


def _tell_changes(owed: Sequence[tuple[_Point, Judged]], *, policy_version: int) -> None:
    """One audit entry per verdict that changed, naming the policy it followed."""
    record_all(
        "count.judged",
        kind="count",
        subjects={
            str(one.point.event_id): {
                "verdict": verdict.verdict,
                "was": None if one.is_new else one.verdict,
                "counted": one.point.quantity,
                "expected": verdict.expected,
                "adjustment": verdict.adjustment,
                "policy": f"count_tolerance v{policy_version}",
            }
            for one, verdict in owed
            if one.is_new or verdict.verdict != one.verdict or verdict.adjustment != one.adjusted
        },
        by=Actor.system("fold"),
    )


def _write_assertions(owed: Sequence[tuple[_Point, Judged]]) -> None:
    rows = [
        (
            one.point.event_id,
            *one.account,
            *one.point.key,
            one.point.is_opening,
            one.point.quantity,
            one.point.moved,
            verdict.expected,
            verdict.adjustment,
            verdict.verdict,
        )
        for one, verdict in owed
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["write_assertions"], [list(column) for column in zip(*rows, strict=True)]
        )


def _write_balances(owed: Sequence[tuple[_Point, Judged]], changed: set[Place]) -> None:
    """Add the adjustments to the balances, recount what is pending, and mark what changed."""
    rows = [
        (one.account[0], one.account[1], one.account[2], verdict.adjustment - one.adjusted)
        for one, verdict in owed
    ]
    places = sorted(changed | {(row[0], row[1]) for row in rows})
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["write_balances"],
            {
                "now": clock.now(),
                "place_items": [item for item, _ in places],
                "place_nodes": [node for _, node in places],
                "items": [row[0] for row in rows],
                "nodes": [row[1] for row in rows],
                "states": [row[2] for row in rows],
                "changes": [row[3] for row in rows],
            },
        )
