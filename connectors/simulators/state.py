"""What the simulated systems know: orders and when they come, transfers, what channels show.

Everything is decided by a seed, so two runs of the same orders bring the same receipts.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

LATE_SHARE = 0.08
"""Share of purchase orders that come later than promised."""


@dataclass(slots=True)
class Due:
    """One event that will happen at a moment."""

    at: datetime
    event: dict[str, Any]


@dataclass(slots=True)
class World:
    """The simulated ERP, warehouse and channels. Every method is safe from several threads.

    With `told_at` set, whatever happens is told once a day at that hour (UTC), as docks and
    suppliers do that report their day each morning; otherwise at the minute it happens.
    """

    seed: int = 7
    told_at: int | None = None
    now: datetime | None = None
    purchase_orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    transfers: dict[str, dict[str, Any]] = field(default_factory=dict)
    listings: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    due: list[Due] = field(default_factory=list)
    faults: list[tuple[int, int]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    emitted: int = 0
    pushes: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def once(self, key: str, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do something once per idempotency key; a repeat gets the first answer."""
        with self.lock:
            if key not in self.answers:
                self.answers[key] = act()
            return self.answers[key]

    def take_purchase(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """The ERP takes an order: confirmed the same day, announced, received after a lead time."""
        number = str(order["number"])
        ordered = _moment(order["ordered_at"])
        expected = _moment(order["expected_at"])
        draw = self._draw(number)
        lead = max(1, (expected - ordered).days)
        late = draw.random() < LATE_SHARE
        days = lead + (draw.randint(2, 5) if late else draw.choice([-1, 0, 0, 0, 1]))
        arrives = ordered + timedelta(days=max(1, days), hours=draw.randint(0, 3))
        self.purchase_orders[number] = {
            **order,
            "arrives_at": arrives.isoformat(),
            "status": "open",
        }
        base = {"document": number, "item": order["lines"][0]["sku"], "node": order["node"]}
        self._later(
            ordered + timedelta(minutes=30),
            {"type": "purchase_order.confirmed", "source_id": f"{number}/confirmed", **base,
             "due_at": _end_of_day(expected).isoformat()},
        )  # fmt: skip
        if late:
            self._later(
                expected + timedelta(hours=6),
                {"type": "asn.updated", "source_id": f"{number}/asn", **base,
                 "due_at": _end_of_day(arrives).isoformat(), "attributes": {"asn": f"ASN-{number}"}},
            )  # fmt: skip
        for place, line in enumerate(order["lines"], 1):
            self._later(
                arrives,
                {"type": "receipt.recorded", "source_id": f"{number}/receipt/{place}",
                 "business_key": f"{number}/{place}/receipt", "document": number,
                 "item": line["sku"], "node": order["node"], "quantity": line["quantity"]},
            )  # fmt: skip
        return {"id": f"ERP-{number}", "status": "accepted"}

    def cancel_purchase(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The ERP withdraws an order: nothing of it will come."""
        number = str(body["number"])
        self.purchase_orders.setdefault(number, {"number": number})["status"] = "cancelled"
        self.due = [one for one in self.due if one.event.get("document") != number]
        return {"id": f"ERP-{number}", "status": "cancelled"}

    def take_transfer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """The warehouse takes a transfer: shipped within the hour, received when it is expected."""
        number = str(order["number"])
        draw = self._draw(number)
        now = self.now or _moment(order["expected_at"]) - timedelta(days=1)
        shipped = now + timedelta(minutes=draw.randint(20, 60))
        arrives = max(_moment(order["expected_at"]), shipped + timedelta(hours=1))
        self.transfers[number] = {**order, "arrives_at": arrives.isoformat(), "status": "open"}
        fact = {"document": number, "item": order["sku"], "quantity": order["quantity"]}
        self._later(
            shipped,
            {"type": "transfer.shipped", "source_id": f"{number}/shipped",
             "business_key": f"{number}/shipped", "node": order["from_node"],
             "to_node": order["to_node"], **fact},
        )  # fmt: skip
        self._later(
            arrives,
            {"type": "transfer.received", "source_id": f"{number}/received",
             "business_key": f"{number}/received", "node": order["to_node"], **fact},
        )  # fmt: skip
        return {"id": f"WMS-{number}", "status": "accepted"}

    def list_figures(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A channel shows new figures; an older version than it shows is ignored."""
        with self.lock:
            shown = self.listings.setdefault(str(body["channel"]), {})
            self.pushes += 1
            for item in body["items"]:
                known = shown.get(item["sku"])
                if known is None or item["version"] >= known[1]:
                    shown[item["sku"]] = [item["quantity"], item["version"]]
        return {"shown": len(body["items"])}

    def hear(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        """A subscriber is told of events and positions; it remembers the last ten thousand."""
        with self.lock:
            self.told = [*self.told, *events][-10_000:]
        return {"heard": len(events)}

    def move_clock(self, to: datetime) -> list[dict[str, Any]]:
        """Let time pass; what happened until then, in order, each with its moment."""
        with self.lock:
            self.now = to
            happened = sorted((one for one in self.due if one.at <= to), key=lambda one: one.at)
            self.due = [one for one in self.due if one.at > to]
            for one in happened:
                self._close(one.event)
            self.emitted += len(happened)
        return [{**one.event, "occurred_at": one.at.isoformat()} for one in happened]

    def next_due(self) -> datetime | None:
        """When the next thing happens, as far as is known now."""
        with self.lock:
            return min((one.at for one in self.due), default=None)

    def put_back(self, events: list[dict[str, Any]]) -> None:
        """What could not be told happens again at the next step; the ids stay the same."""
        with self.lock:
            self.emitted -= len(events)
            self.due += [
                Due(
                    _moment(event["occurred_at"]),
                    {k: v for k, v in event.items() if k != "occurred_at"},
                )
                for event in events
            ]

    def next_fault(self) -> int | None:
        """The status to fail with now, if a fault is switched on."""
        with self.lock:
            if not self.faults:
                return None
            count, status = self.faults[0]
            self.faults[:1] = [(count - 1, status)] if count > 1 else []
            return status

    def summary(self) -> dict[str, Any]:
        """Everything there is, so that an effect can be asserted here."""
        with self.lock:
            return {
                "now": self.now.isoformat() if self.now else None,
                "purchase_orders": self.purchase_orders,
                "transfers": self.transfers,
                "listings": self.listings,
                "counts": {
                    "purchase_orders": len(self.purchase_orders),
                    "transfers": len(self.transfers),
                    "pushes": self.pushes,
                    "emitted": self.emitted,
                    "due": len(self.due),
                },
            }

    def _close(self, event: Mapping[str, Any]) -> None:
        document = str(event.get("document", ""))
        if event["type"] == "receipt.recorded" and document in self.purchase_orders:
            self.purchase_orders[document]["status"] = "received"
        if event["type"] == "transfer.received" and document in self.transfers:
            self.transfers[document]["status"] = "received"

    def _later(self, at: datetime, event: dict[str, Any]) -> None:
        with self.lock:
            self.due.append(
                Due(at if self.told_at is None else _next_hour(at, self.told_at), event)
            )

    def _draw(self, number: str) -> random.Random:
        digest = hashlib.sha256(f"{self.seed}:{number}".encode()).digest()
        return random.Random(digest)  # noqa: S311 - a simulated lead time guards nothing


def _next_hour(at: datetime, hour: int) -> datetime:
    """The first moment from `at` on that is exactly that hour of a day."""
    that_day = at.replace(hour=hour, minute=0, second=0, microsecond=0)
    return that_day if that_day >= at else that_day + timedelta(days=1)


def _end_of_day(at: datetime) -> datetime:
    """Six in the evening of that day: suppliers promise a day, not a minute."""
    return max(at, at.replace(hour=18, minute=0, second=0, microsecond=0))


def _moment(text: Any) -> datetime:
    return datetime.fromisoformat(str(text))
