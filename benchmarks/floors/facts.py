"""The facts every floor and the product post: the same sales over the same items, made beforehand."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

ITEMS = 2_000
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fact:
    """One sale: its two keys, where, how many, when, and its body as it travels."""

    source_id: str
    business_key: str
    item: int
    quantity: int
    occurred_at: datetime
    body: bytes


def facts(count: int, *, seed: int, began: datetime = START) -> list[Fact]:
    """Sales of random items; the seed is part of every key, so two rounds never share one."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        item, quantity = rng.randrange(ITEMS), rng.randrange(1, 6)
        at = began + timedelta(seconds=number % 3_600)
        source_id, business_key = f"b{seed}-{number}", f"T{seed}/{number}/1"
        body = msgspec.json.encode(
            {
                "type": "sale.recorded",
                "source_id": source_id,
                "business_key": business_key,
                "occurred_at": at,
                "item": f"ITEM-{item:05d}",
                "node": "S1",
                "quantity": quantity,
            }
        )
        made.append(Fact(source_id, business_key, item, quantity, at, body))
    return made


def batches(made: list[Fact], size: int) -> list[list[Fact]]:
    """The facts in batches of a size."""
    return [made[start : start + size] for start in range(0, len(made), size)]
