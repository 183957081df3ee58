"""Questions to the ledger; other apps ask here and never touch its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Min, Q

from inventory_control.core.sql import named_statements
from inventory_control.core.telemetry import correlation_id
from inventory_control.events.values import PositionCause
from inventory_control.stock.errors import BeforeHorizonError
from inventory_control.stock.models import (
    OVERDRAWN,
    Assertion,
    Hold,
    LedgerEntry,
    Reservation,
    StockMark,
)
from inventory_control.stock.rules import CLAIMS, claim_state, why_kept
from inventory_control.stock.states import NO_EVENT, HoldStatus, State, Verdict
from inventory_control.stock.values import (
    Age,
    Change,
    ClaimState,
    Horizon,
    LedgerPart,
    Position,
    SeriesDay,
    Span,
)

_POSITIONS = """
    SELECT b.item_id, b.node_id, b.received, b.quarantined, b.sellable, b.refurbishable,
           b.damaged, b.vendor_return, b.in_transit, b.reserved, b.allocated,
           b.counts_pending + b.holds > 0, coalesce(p.safety_stock, 0), b.changed_at
      FROM stock_stockbalance b
      LEFT JOIN catalog_itemnode p ON p.item_id = b.item_id AND p.node_id = b.node_id
"""
_CAUSES = """
    SELECT DISTINCT ON (item_id, node_id) item_id, node_id, id, correlation_id
      FROM (
               SELECT l.item_id, l.node_id, e.id, e.correlation_id
                 FROM stock_ledgerentry l
                 JOIN events_inventoryevent e ON e.id = l.event_id
                WHERE l.posted_at >= %(since)s
                UNION ALL
               SELECT item_id, node_id, id, correlation_id
                 FROM events_inventoryevent
                WHERE recorded_at >= %(since)s
           ) AS cause
     WHERE (item_id, node_id) IN (SELECT * FROM unnest(%(items)s::bigint[], %(nodes)s::bigint[]))
     ORDER BY item_id, node_id, id DESC
"""
_DAYS = named_statements(Path(__file__).with_name("days.sql"))
_DIGEST = named_statements(Path(__file__).with_name("digest.sql"))
_FREE = """
    SELECT b.item_id, b.node_id,
           b.sellable - b.reserved - b.allocated - coalesce(p.safety_stock, 0),
           b.counts_pending + b.holds > 0
      FROM unnest(%s::bigint[], %s::bigint[]) AS place (item_id, node_id)
      JOIN stock_stockbalance b USING (item_id, node_id)
      LEFT JOIN catalog_itemnode p ON p.item_id = b.item_id AND p.node_id = b.node_id
     ORDER BY b.item_id, b.node_id
"""
Place = tuple[int, int]
_SQL = named_statements(Path(__file__).with_name("spans.sql"))
_AGE = named_statements(Path(__file__).with_name("age.sql"))
DEMAND_DAYS = 90
"""How far back demand is looked at to say how long stock lasts, today included."""
_CLAIM_SIGNS = {
    event_type: 1 if "committed" in counters else -1
    for event_type, counters in CLAIMS.items()
    if counters != ("confirmed",)
}


def positions_at(places: Iterable[Place]) -> dict[Place, Position]:
    """The positions of some (item, node) places; places without one are missing."""
    asked = sorted(set(places))
    return _positions(
        "WHERE (b.item_id, b.node_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))",
        [[item for item, _ in asked], [node for _, node in asked]],
    )


def free_at(places: Iterable[Place], *, is_locked: bool = False) -> dict[Place, int | None]:
    """What may still be promised at some places, None if frozen; see `services.lock_places`.

    Places that never held anything are missing.
    """
    asked = sorted(set(places))
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_FREE} FOR UPDATE OF b" if is_locked else _FREE,
            [[item for item, _ in asked], [node for _, node in asked]],
        )
        return {
            (item_id, node_id): None if is_frozen else int(units)
            for item_id, node_id, units, is_frozen in cursor.fetchall()
        }


def positions_of(item_ids: Sequence[int]) -> dict[Place, Position]:
    """The positions of some items at every node that ever held them."""
    return _positions("WHERE b.item_id = ANY(%s)", [list(item_ids)])


def ledger_of(item_id: int, *, before: int | None = None, limit: int = 50) -> list[LedgerEntry]:
    """An item's ledger lines, newest first, a page below the id `before` (keyset)."""
    lines = LedgerEntry.objects.filter(item_id=item_id)
    if before is not None:
        lines = lines.filter(id__lt=before)
    return list(lines.order_by("-id")[:limit])


def lines_of_events(event_ids: Sequence[int]) -> list[LedgerEntry]:
    """The ledger lines of some events, in the order they were posted."""
    lines = LedgerEntry.objects.filter(event_id__in=list(event_ids)).select_related("item", "node")
    return list(lines.order_by("id"))


def counts_of_events(event_ids: Sequence[int]) -> list[Assertion]:
    """What became of the quantities some events stated, with their verdicts."""
    counts = Assertion.objects.filter(event_id__in=list(event_ids)).select_related("item", "node")
    return list(counts.order_by("event_id"))


def claims_of_keys(keys: Iterable[str]) -> list[Reservation]:
    """The claims of some order lines as they stand, by key."""
    claims = Reservation.objects.filter(key__in=sorted(set(keys))).select_related("item", "node")
    return list(claims.order_by("key"))


def ledger_horizon() -> Horizon | None:
    """Up to where the ledger was retired, or None; the layer carried forward says so itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT occurred_at, posted_at FROM stock_ledgerentry WHERE event_id = %s LIMIT 1",
            [NO_EVENT],
        )
        found = cursor.fetchone()
    return None if found is None else Horizon(*found)


def ledger_parts() -> list[LedgerPart]:
    """The partitions of the ledger, oldest first, and why each may not be retired."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT part, since, until, lines, bytes, horizon, blockers FROM ic_sys.ledger_parts()"
        )
        return [
            LedgerPart(
                name=name,
                since=since,
                until=until,
                lines=lines,
                bytes=size,
                horizon=horizon,
                blockers=tuple(why_kept(code) for code in codes),
            )
            for name, since, until, lines, size, horizon, codes in cursor.fetchall()
        ]


def position_as_of(item_id: int, node_id: int, moment: datetime) -> dict[str, int]:
    """Units per account of an item at a node as the ledger knows that moment today.

    Adds up whole days and the lines of the last one, so the length of the history costs little.
    Raises `BeforeHorizonError` for a moment whose lines were retired.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DAYS["as_of"], {"item": item_id, "node": node_id, "at": moment})
        position = {state: int(units) for state, units in cursor.fetchall()}
    _refuse_retired(moment, "at")
    return position


def changes_in(spans: Sequence[Span]) -> list[list[Change]]:
    """What changed at some places in a span of each, newest first; one statement for any number.

    Moves stand at the moment they were true, accepted counts at theirs, and a correction at that
    of its original, so that late arrivals are in their place. A claim is the sum of what was
    committed less what was shipped or released. Raises `BeforeHorizonError` for a span that
    begins where lines were retired.
    """
    changes: list[list[Change]] = [[] for _ in spans]
    if not spans:
        return changes
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["changes_in"],
            {
                "items": [span.item_id for span in spans],
                "nodes": [span.node_id for span in spans],
                "since": [span.since for span in spans],
                "as_of": [span.as_of for span in spans],
                "with_claims": [span.with_claims for span in spans],
                "states": list(State.values),
                "claim_types": list(_CLAIM_SIGNS),
                "claim_signs": list(_CLAIM_SIGNS.values()),
            },
        )
        for place, at, state, units in cursor.fetchall():
            changes[place - 1].append(Change(at, state, int(units)))
    _refuse_retired(min(span.since for span in spans), "since")
    return changes


def positions_as_of(
    item_id: int, moment: datetime, *, known_at: datetime | None = None
) -> dict[str, dict[str, int]]:
    """Units per state of an item at every node's code at a moment; empty states are left out.

    With `known_at` only what was posted by then counts: the figure people saw, before late events
    and corrections came. Raises `BeforeHorizonError` for a moment whose lines were retired.
    """
    asked: dict[str, Any] = {
        "item": item_id,
        "at": moment,
        "known_at": known_at,
        "states": list(State),
    }
    positions: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_DAYS["as_of_nodes" if known_at is None else "as_of_nodes_known"], asked)
        for code, state, units in cursor.fetchall():
            positions.setdefault(code, {})[state] = int(units)
    _refuse_retired(moment, "at", known_at=known_at)
    return positions


def pending_counts(places: Iterable[Place]) -> list[Assertion]:
    """Counts out of tolerance that wait for a person, at some places."""
    asked = set(places)
    pending = Assertion.objects.filter(
        verdict=Verdict.PENDING, item_id__in={item for item, _ in asked}
    ).order_by("item_id", "node_id", "occurred_at")
    return [one for one in pending if (one.item_id, one.node_id) in asked]


def adjustments_of(event_ids: Sequence[int]) -> list[Assertion]:
    """The counts behind some events, each with the adjustment the ledger carries for it."""
    return list(Assertion.objects.filter(pk__in=event_ids).order_by("pk"))


def asserted_at(places: Iterable[Place]) -> dict[Place, datetime]:
    """When somebody last stated what is at some places; those never counted are missing."""
    asked = sorted(set(places))
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT item_id, node_id, last_assert_at FROM stock_stockbalance
             WHERE (item_id, node_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))
               AND last_assert_at IS NOT NULL
            """,
            [[item for item, _ in asked], [node for _, node in asked]],
        )
        return {(item_id, node_id): moment for item_id, node_id, moment in cursor.fetchall()}


def demand_days(
    places: Iterable[Place], *, since: date, until: date
) -> dict[Place, list[tuple[date, int, int, int]]]:
    """Days of demand of some places in [since, until): (day, sold, lost, lines), oldest first.

    Days without a row had no demand.
    """
    asked = sorted(set(places))
    days: dict[Place, list[tuple[date, int, int, int]]] = {place: [] for place in asked}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT item_id, node_id, day, sold, lost, lines
              FROM stock_demandday
             WHERE (item_id, node_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))
               AND day >= %s AND day < %s
             ORDER BY item_id, node_id, day
            """,
            [[item for item, _ in asked], [node for _, node in asked], since, until],
        )
        for item_id, node_id, day, sold, lost, lines in cursor.fetchall():
            days[item_id, node_id].append((day, int(sold), int(lost), int(lines)))
    return days


def claims_of(item_id: int, node_id: int, limit: int = 50) -> list[tuple[str, str, int]]:
    """Open claims on an item at a node: (key, channel, units), latest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT key, channel, open FROM stock_reservation
             WHERE item_id = %s AND node_id = %s AND open > 0
             ORDER BY changed_at DESC, key LIMIT %s
            """,
            [item_id, node_id, limit],
        )
        return [(key, channel, int(units)) for key, channel, units in cursor.fetchall()]


def claims_at(
    places: Iterable[Place], *, limit: int = 20
) -> dict[Place, list[tuple[str, str, int]]]:
    """Open claims at some places, the latest `limit` of each: (key, channel, units)."""
    asked = sorted(set(places))
    claims: dict[Place, list[tuple[str, str, int]]] = {place: [] for place in asked}
    if not asked:
        return claims
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT place.item_id, place.node_id, r.key, r.channel, r.open
              FROM unnest(%s::bigint[], %s::bigint[]) AS place (item_id, node_id)
             CROSS JOIN LATERAL (
                       SELECT key, channel, open, changed_at FROM stock_reservation
                        WHERE item_id = place.item_id AND node_id = place.node_id AND open > 0
                        ORDER BY changed_at DESC, key LIMIT %s
                   ) AS r
             ORDER BY place.item_id, place.node_id, r.changed_at DESC, r.key
            """,
            [[item for item, _ in asked], [node for _, node in asked], limit],
        )
        for item_id, node_id, key, channel, units in cursor.fetchall():
            claims[item_id, node_id].append((key, channel, int(units)))
    return claims


def claims(
    *,
    order: str = "",
    sku: str = "",
    node: str = "",
    after: str = "",
    limit: int = 50,
) -> list[ClaimState]:
    """A page of claims by key, behind the key `after` (keyset): every claim of an order, or the
    open ones of an item, of which there is an index.
    """
    found = Reservation.objects.select_related("item", "node")
    found = found.filter(key__startswith=f"{order}/") if order else found.filter(open__gt=0)
    if sku:
        found = found.filter(item__sku=sku)
    if node:
        found = found.filter(node__code=node)
    if after:
        found = found.filter(key__gt=after)
    return [_claim(row) for row in found.order_by("key")[:limit]]


def claim_of_line(order: str, line: str) -> ClaimState | None:
    """The claim of one order line, or None when nothing was ever claimed for it."""
    return claims_by_key([f"{order}/{line}"]).get(f"{order}/{line}")


def claims_by_key(keys: Iterable[str]) -> dict[str, ClaimState]:
    """Some claims by their keys; keys nothing was ever claimed under are missing."""
    found = Reservation.objects.select_related("item", "node").filter(key__in=set(keys))
    return {row.key: _claim(row) for row in found}


def open_claims_of(order: str) -> dict[Place, ClaimState]:
    """The open claims of one order, by place; for orders that claim an item at a node once."""
    found = Reservation.objects.select_related("item", "node").filter(
        key__startswith=f"{order}/", open__gt=0
    )
    return {(row.item_id, row.node_id): _claim(row) for row in found}


def overdrawn_claims(places: Iterable[Place], *, since: datetime) -> list[ClaimState]:
    """Claims at some places, changed since a moment, of which more left than was promised although
    part was released: orders that shipped in spite of their cancellation.
    """
    asked = set(places)
    found = (
        Reservation.objects.select_related("item", "node")
        .filter(
            item_id__in={item for item, _ in asked},
            node_id__in={node for _, node in asked},
            changed_at__gte=since,
        )
        .filter(OVERDRAWN)
    )
    return [_claim(row) for row in found.order_by("key") if (row.item_id, row.node_id) in asked]


def holds(
    *, sku: str = "", node: str = "", status: str = "", before: int | None = None, limit: int = 50
) -> list[Hold]:
    """A page of holds, newest first, below the id `before` (keyset)."""
    found = Hold.objects.select_related("item", "node")
    if sku:
        found = found.filter(item__sku=sku)
    if node:
        found = found.filter(node__code=node)
    if status:
        found = found.filter(status=status)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


def holds_in_force(item_id: int) -> list[Hold]:
    """What freezes an item anywhere, oldest first."""
    return list(
        Hold.objects.select_related("node")
        .filter(item_id=item_id, status=HoldStatus.PLACED)
        .order_by("pk")
    )


def holds_since(places: Iterable[Place], moment: datetime) -> list[Hold]:
    """Holds that lay on some places at a moment or were placed there later, oldest first."""
    asked = set(places)
    found = Hold.objects.filter(
        Q(lifted_at__isnull=True) | Q(lifted_at__gte=moment),
        item_id__in={item for item, _ in asked},
        node_id__in={node for _, node in asked},
    )
    return [one for one in found.order_by("pk") if (one.item_id, one.node_id) in asked]


def hold_of(pk: int) -> Hold | None:
    """One hold, or None."""
    return Hold.objects.select_related("item", "node").filter(pk=pk).first()


def demand_totals(since: Mapping[Place, date], *, until: date) -> dict[Place, tuple[int, date]]:
    """Units asked for (sold and lost) at some places from a day of each to before `until`.

    With the first day anything was ever asked for there, which is where history begins. Places
    that never saw demand are missing.
    """
    places = sorted(since)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT place.item_id, place.node_id, coalesce(recent.units, 0), history.first_day
              FROM unnest(%s::bigint[], %s::bigint[], %s::date[])
                AS place (item_id, node_id, since)
             CROSS JOIN LATERAL (
                       SELECT d.day AS first_day FROM stock_demandday d
                        WHERE d.item_id = place.item_id AND d.node_id = place.node_id
                          AND d.sold + d.lost > 0
                        ORDER BY d.day LIMIT 1
                   ) AS history
             CROSS JOIN LATERAL (
                       SELECT sum(d.sold + d.lost) AS units FROM stock_demandday d
                        WHERE d.item_id = place.item_id AND d.node_id = place.node_id
                          AND d.day >= place.since AND d.day < %s
                   ) AS recent
            """,
            [
                [item for item, _ in places],
                [node for _, node in places],
                [since[place] for place in places],
                until,
            ],
        )
        return {
            (item_id, node_id): (max(0, int(units)), first_day)
            for item_id, node_id, units, first_day in cursor.fetchall()
        }


def age_of(item_id: int, *, at: datetime) -> Age:
    """How old the units of an item are at this moment, and how long they last."""
    since = at.date() - timedelta(days=DEMAND_DAYS - 1)
    with connection.cursor() as cursor:
        cursor.execute(_AGE["age"], {"item": item_id, "since": since})
        units, asked_for, oldest_at, known_since = cursor.fetchone()
    return Age(at, int(units), max(0, int(asked_for)), DEMAND_DAYS, oldest_at, known_since)


def units_at(node_ids: Sequence[int]) -> dict[int, int]:
    """Units that lie at some nodes, of everything and in any condition."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT node_id, sum(greatest(0, received + quarantined + sellable + refurbishable
                                            + damaged + vendor_return))
              FROM stock_stockbalance WHERE node_id = ANY(%s) GROUP BY node_id
            """,
            [list(node_ids)],
        )
        return {node_id: int(units) for node_id, units in cursor.fetchall()}


def oldest_mark() -> datetime | None:
    """When the oldest change was posted that the availability stage has not dealt with."""
    return StockMark.objects.aggregate(oldest=Min("posted_at"))["oldest"]


def causes_of(places: Iterable[Place], *, since: datetime) -> list[PositionCause]:
    """The last event that changed each place since a moment: by its ledger lines or its claim.

    A place that changed without an event (a policy, a hold) has the present cause.
    """
    asked = sorted(set(places))
    with connection.cursor() as cursor:
        cursor.execute(
            _CAUSES,
            {
                "items": [item for item, _ in asked],
                "nodes": [node for _, node in asked],
                "since": since,
            },
        )
        found = {(item, node): (event, cause) for item, node, event, cause in cursor.fetchall()}
    return [PositionCause(*place, *found.get(place, (None, correlation_id()))) for place in asked]


def ledger_digest() -> dict[str, str]:
    """A fingerprint of everything the ledger holds, by part: rows and a sum of hashes.

    The same facts give the same fingerprint whatever the order they came in, however often, and
    in whatever tenant: stories and drills compare it before and after.
    """
    with connection.cursor() as cursor:
        answer = {}
        for part, statement in _DIGEST.items():
            cursor.execute(statement)
            rows, digest = cursor.fetchone()
            answer[part] = f"{rows}:{digest}"
    return answer


def item_series(
    item_id: int, *, node_id: int | None = None, since: date, until: date
) -> list[SeriesDay]:
    """Every day of an item in [since, until), at a node or everywhere, oldest first (EVT-28).

    Derived from events and ledger at the moment of asking, so late and corrected events are in it.
    Raises `BeforeHorizonError` for days whose lines were retired.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SERIES, {"item": item_id, "node": node_id, "since": since, "until": until})
        days = [SeriesDay(day, *map(int, units)) for day, *units in cursor.fetchall()]
    _refuse_retired(datetime.combine(since, time(), tzinfo=UTC), "since")
    return days


_SERIES = """
    WITH told AS (
        SELECT (o.occurred_at AT TIME ZONE 'UTC')::date AS day, o.type,
               CASE WHEN c.id IS NULL THEN o.quantity ELSE coalesce(c.quantity, 0) END AS units
          FROM events_inventoryevent o
          LEFT JOIN events_inventoryevent c ON c.corrects = o.id
         WHERE o.item_id = %(item)s AND (%(node)s::bigint IS NULL OR o.node_id = %(node)s)
           AND o.occurred_at >= %(since)s::date::timestamp AT TIME ZONE 'UTC'
           AND o.occurred_at < %(until)s::date::timestamp AT TIME ZONE 'UTC'
           AND o.type IN ('sale.recorded', 'order.shipped', 'return.received')
         UNION ALL
        SELECT (l.occurred_at AT TIME ZONE 'UTC')::date, 'shrink', l.quantity
          FROM stock_ledgerentry l
          JOIN events_inventoryevent e ON e.id = l.event_id
         WHERE l.item_id = %(item)s AND (%(node)s::bigint IS NULL OR l.node_id = %(node)s)
           AND l.state = 'adjustment' AND e.type <> 'stock.opened'
           AND l.occurred_at >= %(since)s::date::timestamp AT TIME ZONE 'UTC'
           AND l.occurred_at < %(until)s::date::timestamp AT TIME ZONE 'UTC'
    )
    SELECT d.day::date,
           coalesce(sum(units) FILTER (WHERE type IN ('sale.recorded', 'order.shipped')), 0),
           coalesce(sum(units) FILTER (WHERE type = 'return.received'), 0),
           coalesce(sum(units) FILTER (WHERE type = 'shrink'), 0)
      FROM generate_series(
               %(since)s::timestamp, %(until)s::timestamp - interval '1 day', interval '1 day'
           ) AS d (day)
      LEFT JOIN told ON told.day = d.day::date
     GROUP BY d.day
     ORDER BY d.day
"""


def is_marked() -> bool:
    """Whether changes wait for the availability stage."""
    return StockMark.objects.exists()


def _refuse_retired(moment: datetime, field: str, *, known_at: datetime | None = None) -> None:
    """A figure of a time whose lines were retired would be wrong; none is given.

    Asked after the figure was read, so that a part retired in between refuses it too.
    """
    horizon = ledger_horizon()
    if horizon is None:
        return
    if moment < horizon.at:
        raise BeforeHorizonError(
            f"The ledger before {horizon.at.isoformat()} was retired; ask for that moment or later.",
            field=field,
            extra={"horizon": horizon.at.isoformat()},
        )
    if known_at is not None and known_at < horizon.posted_until:
        raise BeforeHorizonError(
            f"What was known before {horizon.posted_until.isoformat()} was retired; ask for that"
            " moment or later.",
            field="known_at",
            extra={"horizon": horizon.posted_until.isoformat()},
        )


def _claim(row: Reservation) -> ClaimState:
    counters = {
        name: getattr(row, name) for name in ("committed", "confirmed", "shipped", "released")
    }
    return ClaimState(
        key=row.key,
        item_id=row.item_id,
        node_id=row.node_id,
        sku=row.item.sku,
        node=row.node.code,
        channel=row.channel,
        **counters,
        open=row.open,
        assigned=row.assigned,
        state=claim_state(**counters, is_expired=row.expired_at is not None),
        expires_at=row.expires_at,
        changed_at=row.changed_at,
    )


def _positions(where: str, parameters: list[Any]) -> dict[Place, Position]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_POSITIONS} {where} ORDER BY b.item_id, b.node_id", parameters)
        found = [Position(*row) for row in cursor.fetchall()]
    return {(one.item_id, one.node_id): one for one in found}
