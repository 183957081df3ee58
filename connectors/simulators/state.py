"""What the simulated systems know: orders and when they come, transfers, messages, what channels show.

Everything is decided by a seed, so two runs of the same orders bring the same receipts.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

LATE_SHARE = 0.08
"""Share of purchase orders that come later than promised."""
LOST_SHARE = 0.05
"""Share of messages to customers that do not arrive."""


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
    changes: list[dict[str, Any]] = field(default_factory=list)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    markdowns: dict[str, dict[str, Any]] = field(default_factory=dict)
    discrepancies: list[dict[str, Any]] = field(default_factory=list)
    orders: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    listings: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    due: list[Due] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    faults: list[tuple[int, int, str]] = field(default_factory=list)
    wrong_once: dict[tuple[str, str], int] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)
    stuck: set[tuple[str, str]] = field(default_factory=set)
    emitted: int = 0
    corrections: int = 0
    counts: int = 0
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

    def take_change(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """The ERP notes a wish to change its master data; its people decide."""
        self.changes.append(dict(wish))
        return {"id": f"CR-{len(self.changes)}", "status": "noted"}

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

    def take_document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The ERP books a document under its own number."""
        with self.lock:
            number = str(document["number"])
            self.documents[number] = dict(document)
        return {"id": f"ERP-{number}", "status": "booked"}

    def take_markdown(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The pricing system plans a lower price and tells it once it is set, within the day."""
        number = str(body["number"])
        with self.lock:
            self.markdowns[number] = dict(body)
        self._later(
            _moment(body["agreed_at"]) + timedelta(hours=self._draw(number).randint(1, 24)),
            {"type": "price.changed", "source_id": f"{number}/set", "item": body["sku"],
             "attributes": {"price": body["proposed_price"]}},
        )  # fmt: skip
        return {"id": f"PRICE-{number}", "status": "planned"}

    def take_discrepancy(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A supplier is told what differs from the order."""
        with self.lock:
            self.discrepancies.append(dict(body))
        return {"id": f"D-{len(self.discrepancies)}", "status": "received"}

    def note_order(self, said: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The order system is told that a line is ready, or when it will be."""
        with self.lock:
            key = f"{body['order']}/{body['line']}"
            told = self.orders.setdefault(key, [])
            told.append({"said": said, **body})
        return {"told": len(told)}

    def take_message(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The CRM sends a message, and tells within minutes whether it reached the customer."""
        number = str(body["number"])
        draw = self._draw(number)
        at = _moment(body["requested_at"]) + timedelta(minutes=draw.randint(1, 9))
        with self.lock:
            self.messages[number] = dict(body)
        fact = {"source": "crm", "document": number, "customer": body["customer"]}
        if draw.random() < LOST_SHARE:
            self._later(
                at,
                {"type": "notification.failed", "source_id": f"{number}/failed",
                 "reason": "mailbox full", **fact},
            )  # fmt: skip
        else:
            self._later(
                at,
                {"type": "notification.delivered", "source_id": f"{number}/delivered", **fact},
            )
        return {"id": f"MSG-{number}", "status": "accepted"}

    def correct_position(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A system takes our number for its own and reports it within the hour."""
        system, sku, node = str(body["system"]), str(body["sku"]), str(body.get("node") or "")
        at = _moment(body["at"]) + timedelta(minutes=self._draw(f"{system}/{sku}").randint(5, 50))
        with self.lock:
            self.corrections += 1
            number = self.corrections
        report = {
            "type": "position.reported", "source_id": f"correction/{number}/{system}/{sku}@{node}",
            "item": sku, "node": node, "system": system, "to_state": body.get("state"),
            "quantity": int(body["quantity"]),
        }  # fmt: skip
        self._later(at, {key: value for key, value in report.items() if value not in (None, "")})
        return {"id": f"{system.upper()}-FIX-{number}", "status": "accepted"}

    def take_count(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The warehouse takes a count order; somebody counts what the ledger expects."""
        asked = _moment(body["asked_at"])
        sku, node = str(body["sku"]), str(body["node"])
        with self.lock:
            self.counts += 1
            number = self.counts
        self._later(
            asked + timedelta(minutes=self._draw(f"count/{sku}@{node}").randint(30, 90)),
            {"type": "stock.counted", "source_id": f"count/{number}/{sku}@{node}", "item": sku,
             "node": node, "quantity": max(0, int(body["expected"]))},
        )  # fmt: skip
        return {"id": f"WMS-COUNT-{number}", "status": "accepted"}

    def list_figures(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A channel shows new figures; an older version than it shows is ignored."""
        with self.lock:
            shown = self.listings.setdefault(str(body["channel"]), {})
            self.pushes += 1
            for item in body["items"]:
                listing = (str(body["channel"]), str(item["sku"]))
                known = shown.get(item["sku"], [0, 0])
                quantity = self.wrong_once.pop(listing, item["quantity"])
                if listing in self.stuck:
                    shown[item["sku"]] = [known[0], item["version"]]
                elif item["version"] >= known[1]:
                    shown[item["sku"]] = [quantity, item["version"]]
        return {"shown": len(body["items"])}

    def hear(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        """A subscriber is told of events and positions; it remembers the last ten thousand."""
        with self.lock:
            self.told = [*self.told, *events][-10_000:]
        return {"heard": len(events)}

    def read_listings(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a channel shows of some items; None for those it does not list."""
        with self.lock:
            listed = self.listings.get(str(body["channel"]), {})
            return {
                "shown": {sku: listed[sku][0] if sku in listed else None for sku in body["skus"]}
            }

    def spoil_listing(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A fault: a listing shows something else; with `is_stuck` whatever it is told."""
        with self.lock:
            shown = self.listings.setdefault(str(body["channel"]), {})
            known = shown.get(body["sku"], [0, 0])
            shown[body["sku"]] = [int(body["quantity"]), known[1]]
            listing = (str(body["channel"]), str(body["sku"]))
            (self.stuck.add if body.get("is_stuck") else self.stuck.discard)(listing)
        return {}

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

    def add_fault(self, body: Mapping[str, Any]) -> None:
        """Switch on a fault: fail the `next` instructions, all or those to one channel or to one
        path; answer a channel's only after `delay_s` seconds; or take the next figure of a listing and show
        another (`shows_once`).
        """
        with self.lock:
            channel = str(body.get("channel", ""))
            if "delay_s" in body:
                self.delays[channel] = float(body["delay_s"])
            elif "shows_once" in body:
                self.wrong_once[channel, str(body["sku"])] = int(body["shows_once"])
            else:
                only = channel or str(body.get("path", ""))
                self.faults.append((int(body["next"]), int(body["status"]), only))

    def next_fault(self, channel: str = "", path: str = "") -> int | None:
        """The status to fail with now, if a fault is switched on; takes its time where told to."""
        time.sleep(self.delays.get(channel, 0))
        with self.lock:
            for place, (count, status, only) in enumerate(self.faults):
                if only in ("", channel, path):
                    again = [(count - 1, status, only)] if count > 1 else []
                    self.faults[place : place + 1] = again
                    return status
            return None

    def summary(self) -> dict[str, Any]:
        """Everything there is, so that an effect can be asserted here."""
        with self.lock:
            return {
                "now": self.now.isoformat() if self.now else None,
                "purchase_orders": self.purchase_orders,
                "transfers": self.transfers,
                "changes": self.changes,
                "documents": self.documents,
                "markdowns": self.markdowns,
                "discrepancies": self.discrepancies,
                "orders": self.orders,
                "messages": self.messages,
                "listings": self.listings,
                "counts": {
                    "documents": len(self.documents),
                    "purchase_orders": len(self.purchase_orders),
                    "transfers": len(self.transfers),
                    "pushes": self.pushes,
                    "corrections": self.corrections,
                    "count_orders": self.counts,
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
