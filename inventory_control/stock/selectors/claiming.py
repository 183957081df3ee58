"""Claims of order lines on stock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from inventory_control.core.places import Place, Places
from inventory_control.core.sql import hot, is_so
from inventory_control.stock.models import Reservation
from inventory_control.stock.rules import claim_state
from inventory_control.stock.selectors.cards import CARD_SQL
from inventory_control.stock.values import ClaimState, OverdrawnClaim


def claims_of_keys(keys: Iterable[str]) -> list[Reservation]:
    """The claims of some order lines as they stand, by key."""
    claims = Reservation.objects.filter(key__in=sorted(set(keys))).select_related("item", "node")
    return list(claims.order_by("key"))


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
    asked = Places.of(places)
    claims: dict[Place, list[tuple[str, str, int]]] = {place: [] for place in asked}
    if not claims:
        return claims
    for item_id, node_id, *claim in hot(CARD_SQL["claims"], {**asked.arrays, "limit": limit}):
        claims[item_id, node_id].append(tuple(claim))
    return claims


def claims(
    *, order: str = "", sku: str = "", node: str = "", after: str = "", limit: int = 50
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


def has_open_claims(order: str) -> bool:
    """Whether an order has a claim that is still open; most often it has none."""
    begins = order.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return is_so(CARD_SQL["has_open_claims"], {"begins": f"{begins}/%"})


def open_claims_of(order: str) -> dict[Place, ClaimState]:
    """The open claims of one order, by place; for orders that claim an item at a node once."""
    found = Reservation.objects.select_related("item", "node").filter(
        key__startswith=f"{order}/", open__gt=0
    )
    return {(row.item_id, row.node_id): _claim(row) for row in found}


def overdrawn_claims(places: Iterable[Place], *, since: datetime) -> list[OverdrawnClaim]:
    """Claims at some places, changed since a moment, of which more left than was promised although
    part was released, by key.
    """
    found = hot(CARD_SQL["overdrawn"], {**Places.of(places).arrays, "since": since})
    return [OverdrawnClaim(*row) for row in found]


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
