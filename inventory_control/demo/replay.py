"""Plays a script against a sandbox tenant, through the HTTP API only, one step per open day.

Every day: let the simulated systems and the tenant's clock reach its end, ask for reservations,
send what shipped, what was lost and all other facts, then let two people decide what waits for
them. What the last day asks is left for whoever opens the console.
"""

from __future__ import annotations

import gzip
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec

from inventory_control.core.errors import DomainError
from inventory_control.demo.script import (
    NOT_APPLICABLE,
    REST,
    SOURCE,
    Body,
    Catalog,
    Demand,
    Entry,
    Fact,
    Return,
    Reversal,
    Script,
    Stretch,
    received_and_inspected,
)

EVENTS_AT_ONCE = 5_000
LINES_AT_ONCE = 5_000
ROWS_AT_ONCE = 2_000
ATTEMPTS = 4
SIGNED_UP_TO = Decimal(50_000)
RULE = f"Approve what costs at most {SIGNED_UP_TO:,}; refuse the rest."
"""The stated rule by which the two people of the demo decide."""
_ACCEPTED = frozenset({"posted", "noted", "held", "duplicate"})
_REFUSED = frozenset({"unmapped", "quarantined"})
_ROWS = frozenset({SOURCE, REST})
"""The sources of a file's rows: those the product refuses are counted, not a fault of the replay."""
_encode = msgspec.json.encode


class ReplayError(DomainError):
    """The product answered what the replay did not expect; the text says to which call."""

    code = "replay_failed"
    status = 502


class OtherScriptError(DomainError):
    """Another script was played into this tenant before."""

    code = "other_script"
    status = 409


@dataclass(slots=True)
class Played:
    """What happened in this run: calls made and how the product answered them."""

    outcomes: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    days: int = 0
    seconds: float = 0.0


class Journal:
    """What each day's reservations were answered, so that a second run sends the same facts.

    A line that was granted nothing leaves no trace in the product; asked again later it could be
    granted something. One line of JSON per day, written before the day's facts are sent.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self._path = path
        self.granted: dict[str, dict[str, int]] = {}
        if path.exists():
            head, *days = path.read_bytes().splitlines()
            if msgspec.json.decode(head)["digest"] != digest:
                raise OtherScriptError(
                    "Other data was played into this tenant before. Start over with an empty "
                    "installation: `make demo RESET=1`, with the same options."
                )
            for line in days:
                # A run that was killed while it wrote leaves a broken last line.
                if line.endswith(b"}}"):
                    day = msgspec.json.decode(line)
                    self.granted[day["day"]] = day["granted"]
        else:
            path.write_bytes(_encode({"digest": digest}) + b"\n")

    def keep(self, day: str, granted: Mapping[str, int]) -> None:
        """Write down a day's answers."""
        with self._path.open("ab") as file:
            file.write(b"\n" + _encode({"day": day, "granted": granted}) + b"\n")
        self.granted[day] = dict(granted)


class Api:
    """One caller of the product's API: an address, a host name, a key."""

    def __init__(
        self, address: str, host: str, key: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(
            base_url=f"{address}/api/v1/",
            headers={"Host": host, "Authorization": f"Bearer {key}"},
            timeout=180,
            transport=transport,
        )

    def ask(self, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        """Call, again after a failure that can heal; raises `ReplayError` with the answer.

        With a `key` it has its effect once, however often it is asked.
        """
        content = None if body is None else _encode(body)
        headers = {"Idempotency-Key": key} if key else {}
        return self._exchange(
            method, path, content, {"Content-Type": "application/json", **headers}
        )

    def send(self, events: Sequence[Body]) -> list[dict[str, Any]]:
        """Post events as gzipped NDJSON; one answer per event, in order."""
        plain = b"\n".join(_encode(event) for event in events)
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        content = gzip.compress(plain, compresslevel=1)
        answer = self._exchange("POST", "events/bulk", content, headers)
        return list(answer["results"])

    def _exchange(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Any:
        said = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(0.5 * 2**attempt)
            try:
                response = self._http.request(method, path, content=content, headers=dict(headers))
            except httpx.TransportError as error:
                said = str(error) or type(error).__name__
                continue
            if response.status_code < 300:
                return msgspec.json.decode(response.content)
            said = f"{response.status_code} {response.text[:600]}"
            if response.status_code < 500 and response.status_code != 429:
                break
        raise ReplayError(f"{method} {path}: {said}")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part: the integration, the two people who decide, the simulated systems."""

    integrator: Api
    planner: Api
    finance: Api
    simulator: httpx.Client | None = None


class Player:
    """Plays one script; `play` may be called again after any interruption."""

    def __init__(
        self,
        script: Script,
        cast: Cast,
        journal: Journal,
        *,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._script = script
        self._cast = cast
        self._journal = journal
        self._say = say
        self._granted: dict[str, int] = {}
        self._returned: Counter[str] = Counter()
        self._played = Played()

    def play(self) -> Played:
        """Play everything; what was played before is sent again and posts nothing new."""
        began = time.monotonic()
        put_catalog(self._cast.integrator, self._script.catalog)
        known_until = self._now()
        for number, stretch in enumerate(self._script.stretches, 1):
            if stretch.is_live:
                self._live(
                    stretch,
                    is_past=stretch.ends_at <= known_until,
                    is_last=stretch is self._script.stretches[-1],
                )
            else:
                self._history(stretch, is_past=stretch.ends_at <= known_until)
            self._played.days += 1
            self._tell(number, stretch, time.monotonic() - began)
        self._settle()
        self._played.seconds = time.monotonic() - began
        return self._played

    def _history(self, stretch: Stretch, *, is_past: bool) -> None:
        """Facts from before the live start, told after they happened."""
        if not is_past:
            self._move_clock(stretch.ends_at)
        self._send(self._bodies(stretch.entries))

    def _live(self, stretch: Stretch, *, is_past: bool, is_last: bool) -> None:
        """One open day, told when it is over: deliveries first, then what was sold."""
        day = stretch.starts_at.date().isoformat()
        if not is_past:
            self._step_to(stretch.ends_at)
        demands = [entry for entry in stretch.entries if isinstance(entry, Demand)]
        if is_past and day in self._journal.granted:
            granted = self._journal.granted[day]
        else:
            granted = self._reserve(demands)
            self._journal.keep(day, granted)
        self._granted |= granted
        self._send(self._bodies(stretch.entries))
        self._tell_customers(demands)
        if not is_past:
            self._settle()
            if not is_last:
                self._decide(self._cast.planner)
                self._decide(self._cast.finance)

    def _step_to(self, moment: datetime) -> None:
        """Go to a moment, by way of every moment at which the simulated systems tell something.

        The tenant is there first: nothing may be told before it happened.
        """
        while (told_at := self._next_told()) is not None and told_at <= moment:
            self._move_clock(told_at)
            self._simulated("POST", {"to": told_at.isoformat()})
        self._move_clock(moment)

    def _next_told(self) -> datetime | None:
        following = self._simulated("GET").get("next")
        return None if following is None else datetime.fromisoformat(following)

    def _simulated(self, method: str, body: Any = None) -> dict[str, Any]:
        """Ask the clock of the simulated systems; without any, nothing ever happens there."""
        if self._cast.simulator is None:
            return {}
        answer = self._cast.simulator.request(method, "clock", json=body)
        if answer.status_code >= 300:
            raise ReplayError(f"The simulated systems answered {answer.text[:300]}")
        told: dict[str, Any] = answer.json()
        return told

    def _reserve(self, demands: Sequence[Demand]) -> dict[str, int]:
        granted: dict[str, int] = {}
        for part in _parts(demands, LINES_AT_ONCE):
            lines = [_reservation(demand) for demand in part]
            answer = self._cast.integrator.ask("POST", "reservations", {"lines": lines})
            granted |= {line["key"]: line["granted"] for line in answer["lines"]}
        return granted

    def _tell_customers(self, demands: Iterable[Demand]) -> None:
        """The shop asks that customers hear of what they ordered and do not get."""
        for demand in demands:
            granted = self._granted.get(demand.key, 0)
            if demand.channel == self._script.tells and granted < demand.quantity:
                body = cancelled_message(demand, granted)
                self._cast.integrator.ask(
                    "POST", "notification-requests", body, key=f"{demand.key}/cancelled"
                )

    def _bodies(self, entries: Iterable[Entry]) -> Iterator[Body]:
        for entry in entries:
            if isinstance(entry, Fact):
                yield entry.body
            elif isinstance(entry, Demand):
                yield from demand_bodies(entry, self._granted.get(entry.key, 0))
            elif isinstance(entry, Reversal):
                units = self._granted.get(entry.of.key, 0) if entry.is_live else entry.of.quantity
                yield from reversal_bodies(entry, units)
            else:
                yield from return_bodies(entry, self._returnable(entry))

    def _returnable(self, entry: Return) -> int:
        """How many units of a return were shipped and are not back yet."""
        if entry.of is None:
            return entry.quantity
        key = entry.of.key
        units = min(entry.quantity, self._granted.get(key, 0) - self._returned[key])
        self._returned[key] += max(0, units)
        return max(0, units)

    def _send(self, bodies: Iterable[Body]) -> None:
        for part in _parts(list(bodies), EVENTS_AT_ONCE):
            for body, answer in zip(part, self._cast.integrator.send(part), strict=True):
                if not _is_expected(body, answer["outcome"]):
                    raise ReplayError(
                        f"{body['source']} {body['source_id']}: {answer['outcome']}, "
                        f"{answer.get('detail', '')}"
                    )
                self._played.outcomes[answer["outcome"]] += 1

    def _decide(self, person: Api) -> None:
        """Everything that waits for this person, by the stated rule."""
        while True:
            waiting = person.ask("GET", "approvals?mine=1&limit=200")["results"]
            verdicts: dict[str, list[int]] = {"approved": [], "refused": []}
            for one in waiting:
                is_fine = Decimal(one["value"]) <= SIGNED_UP_TO
                verdicts["approved" if is_fine else "refused"].append(one["id"])
            done = 0
            for verdict, ids in verdicts.items():
                if ids:
                    body = {"approvals": ids, "verdict": verdict, "reason": RULE}
                    done += person.ask("POST", "approvals/decide", body)["decided"]
                    self._played.decided[verdict] += done
            if not done:
                return

    def _move_clock(self, to: datetime) -> None:
        """Go to a moment, unless the tenant is there already."""
        if self._now() < to:
            self._cast.integrator.ask("POST", "sandbox/clock", {"to": to})

    def _settle(self) -> None:
        """Wait until everything that is due was done."""
        self._cast.integrator.ask("POST", "sandbox/clock", {})

    def _now(self) -> datetime:
        return datetime.fromisoformat(self._cast.integrator.ask("GET", "sandbox/clock")["now"])

    def _tell(self, number: int, stretch: Stretch, seconds: float) -> None:
        phase = "live" if stretch.is_live else "history"
        self._say(
            f"{stretch.starts_at:%Y-%m-%d} {phase} {number}/{len(self._script.stretches)}: "
            f"{sum(self._played.outcomes.values()):,} events, "
            f"{sum(self._played.decided.values()):,} approvals, {seconds:,.1f} s"
        )


def put_catalog(api: Api, catalog: Catalog) -> None:
    """Send master data; what is there already stays as it is."""
    for noun, rows in (
        ("suppliers", catalog.suppliers),
        ("nodes", catalog.nodes),
        ("items", catalog.items),
        ("channels", catalog.channels),
        ("item-nodes", catalog.item_nodes),
    ):
        for part in _parts(rows, ROWS_AT_ONCE):
            api.ask("PUT", f"catalog/{noun}", part)


def demand_bodies(demand: Demand, granted: int) -> Iterator[Body]:
    """What ships of a demand line, and the rest as lost."""
    lost = demand.quantity - granted
    common: dict[str, Any] = {
        "occurred_at": demand.occurred_at,
        "item": demand.item,
        "node": demand.node,
        "channel": demand.channel,
    }
    if demand.customer:
        common["customer"] = demand.customer
    if granted:
        yield {
            "type": "order.shipped",
            "source": SOURCE,
            "source_id": demand.key,
            "quantity": granted,
            "order": demand.order,
            "line": demand.line,
            **common,
        }
    if lost:
        is_whole = not granted
        yield {
            "type": "demand.lost",
            "source": SOURCE if is_whole else REST,
            "source_id": demand.key if is_whole else f"{demand.key}/lost",
            "quantity": lost,
            **common,
        }


def cancelled_message(demand: Demand, granted: int) -> Body:
    """The request to tell a customer what of a line does not come; an order of which nothing was
    promised is not known to the product.
    """
    body: dict[str, Any] = {
        "topic": "order_cancelled",
        "medium": "mail",
        "customer": demand.customer,
        "item": demand.item,
        "parameters": {"ordered": demand.quantity, "missing": demand.quantity - granted},
    }
    return {**body, "order": demand.order} if granted else body


def reversal_bodies(reversal: Reversal, granted: int) -> Iterator[Body]:
    """Corrections of what a line became, and the release of what it had reserved."""
    of = reversal.of
    shipped = {"source": SOURCE, "source_id": of.key}
    rest = {"source": REST, "source_id": f"{of.key}/lost"}
    common = {"type": "event.corrected", "occurred_at": reversal.occurred_at, "reason": "reversed"}
    yield {**common, "source": SOURCE, "source_id": reversal.key, "corrects": shipped}
    if 0 < granted < of.quantity:
        yield {
            **common,
            "source": REST,
            "source_id": f"{reversal.key}/lost",
            "corrects": rest,
        }
    if granted and reversal.is_live:
        yield {
            "type": "order.cancelled",
            "source": REST,
            "source_id": f"{reversal.key}/released",
            "occurred_at": reversal.occurred_at,
            "item": of.item,
            "node": of.node,
            "quantity": granted,
            "order": of.order,
            "line": of.line,
        }


def return_bodies(entry: Return, units: int) -> Iterator[Body]:
    """What comes back; goods that were never shipped cannot."""
    if units:
        yield from received_and_inspected(
            key=entry.key,
            item=entry.item,
            node=entry.node,
            quantity=units,
            occurred_at=entry.occurred_at,
            customer=entry.customer,
        )
        return
    yield {
        "type": "customer.signalled",
        "source": SOURCE,
        "source_id": entry.key,
        "occurred_at": entry.occurred_at,
        "item": entry.item,
        "node": entry.node,
        "quantity": entry.quantity,
        "reason": NOT_APPLICABLE,
    }


def _reservation(demand: Demand) -> dict[str, Any]:
    line: dict[str, Any] = {
        "order": demand.order,
        "line": demand.line,
        "item": demand.item,
        "node": demand.node,
        "quantity": demand.quantity,
        "channel": demand.channel,
        "partial": True,
        "occurred_at": demand.occurred_at,
    }
    if demand.customer:
        line["customer"] = demand.customer
    return line


def _is_expected(body: Body, outcome: str) -> bool:
    return outcome in _ACCEPTED or (outcome in _REFUSED and body["source"] in _ROWS)


def _parts(rows: Sequence[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(rows), size):
        yield list(rows[start : start + size])
