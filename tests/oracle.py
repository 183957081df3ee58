"""A plain-Python ledger that knows the whole true order: what the product must end up with (D3).

Written from the sentence in the house, not from the product's code: sort every distinct fact by
(occurred_at, source, source id); moves add; an assertion sets when its variance is within
tolerance and otherwise changes nothing; a claim is committed less shipped less released.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

EFFECT = {
    "sale.recorded": (("sellable", -1),),
    "order.shipped": (("sellable", -1),),
    "receipt.recorded": (("sellable", 1),),
    "return.received": (("received", 1),),
    "adjustment.recorded": (("sellable", 1),),
    "damage.recorded": (("sellable", -1), ("damaged", 1)),
}


@dataclass
class Expected:
    """Units per (item, node, state), open claims per key, and pending counts."""

    positions: dict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    reserved: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    pending: set[str] = field(default_factory=set)


def expected(facts: Iterable[dict[str, Any]], *, units: int = 2, share: float = 0.05) -> Expected:
    """The end state of a set of facts; repeats of (source, id) or of a business key count once."""
    distinct: dict[tuple[str, str], dict[str, Any]] = {}
    keys: set[str] = set()
    for fact in facts:
        key = (fact.get("source", "pos"), fact["source_id"])
        business = fact.get("business_key")
        if key in distinct or (business is not None and business in keys):
            continue
        distinct[key] = fact
        if business is not None:
            keys.add(business)
    stands = _standing(distinct.values())
    answer = Expected()
    claims: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    places: dict[str, tuple[str, str]] = {}
    counted: dict[tuple[str, str, str], bool] = {}
    ordered = sorted(distinct.items(), key=lambda one: (one[1]["occurred_at"], *one[0]))
    open_counts: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for (_, source_id), fact in ordered:
        kind = fact["type"]
        if kind == "event.corrected":
            continue
        quantity = fact["quantity"]
        withdrawn = False
        if source_id in stands:
            quantity = stands[source_id] or 0
            withdrawn = kind.startswith("stock.") and stands[source_id] is None
        place = (fact["item"], fact["node"])
        for state, sign in EFFECT.get(kind, ()):
            answer.positions[(*place, state)] += sign * quantity
        if kind.startswith("stock.") and not withdrawn:
            account = (*place, "sellable")
            position = answer.positions[account]
            within = abs(quantity - position) <= max(units, share * abs(position))
            is_first_opening = kind == "stock.opened" and account not in counted
            counted[account] = True
            if within or is_first_opening:
                answer.positions[account] = quantity
                open_counts[account].clear()
            else:
                open_counts[account].append(source_id)
        elif withdrawn:
            counted[*place, "sellable"] = True
        if fact.get("order"):
            key = f"{fact['order']}/{fact['line']}"
            places[key] = place
            index = {
                "order.created": 0,
                "reservation.created": 0,
                "order.shipped": 1,
                "sale.recorded": 1,
                "order.cancelled": 2,
                "reservation.released": 2,
            }[kind]
            claims[key][index] += quantity
    for key, (committed, shipped, released) in claims.items():
        answer.reserved[places[key]] += max(0, committed - shipped - released)
    answer.pending = {one for ids in open_counts.values() for one in ids}
    return answer


def _standing(facts: Iterable[dict[str, Any]]) -> dict[str, int | None]:
    """What stands of every corrected fact, by its source id; None where it never happened.

    Told from the leaves up: a withdrawal that is not withdrawn itself takes its parent out, and of
    the rest the one told last counts, never before its own parent.
    """
    corrections = {fact["source_id"]: fact for fact in facts if fact["type"] == "event.corrected"}
    about = {name: fact["corrects"]["source_id"] for name, fact in corrections.items()}

    def is_out(name: str) -> bool:
        return any(
            corrections[child].get("quantity") is None and not is_out(child)
            for child, parent in about.items()
            if parent == name
        )

    def path(name: str) -> list[str]:
        return [name] if about[name] not in corrections else [*path(about[name]), name]

    last: dict[str, tuple[tuple[Any, ...], int | None]] = {}
    for name, fact in corrections.items():
        way = path(name)
        root = about[way[0]]
        quantity = fact.get("quantity")
        if is_out(name) or (quantity is None and len(way) > 1):
            continue
        rank = (max(corrections[one]["occurred_at"] for one in way), len(way), name)
        if root not in last or rank > last[root][0]:
            last[root] = (rank, quantity)
    return {root: quantity for root, (_, quantity) in last.items()}
