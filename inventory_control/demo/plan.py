"""What each row of an Online Retail file is, and the script it makes. Pure.

A row is an invoice line. Its key is its place in the file (invoice and ordinal within it): the
file repeats thousands of lines, and every one of them is a fact.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Any

from inventory_control.core.errors import DomainError
from inventory_control.demo.script import (
    LAUNCH,
    OPENING,
    SOURCE,
    Catalog,
    Demand,
    Entry,
    Fact,
    Return,
    Reversal,
    Script,
    Stretch,
    midnight,
    received_and_inspected,
)

COLUMNS = (
    "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID",
)  # fmt: skip
NODE, CHANNEL = "DC-1", "web-shop"
COVER_DAYS = 21
REVERSED_WITHIN = timedelta(hours=48)
SUPPLIERS = 12
HISTORY_STRETCH = timedelta(days=7)
_PRODUCT = re.compile(r"^\d{5}")


class MissingColumnError(DomainError):
    """The file lacks a column."""

    code = "missing_column"


class EmptyFileError(DomainError):
    """The file holds no row with a date that can be read."""

    code = "empty_file"


class RowKind(StrEnum):
    """What a row is."""

    SALE = "sale"
    RETURN = "return"
    REVERSAL = "reversal"
    ADJUSTMENT = "adjustment"
    NO_STOCK = "no_stock"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file; `quantity` is None when it is no whole number other than zero."""

    key: str
    code: str
    name: str
    quantity: int | None
    at: datetime
    price: float
    customer: str
    is_cancellation: bool
    said: str = ""


@dataclass(frozen=True, slots=True)
class Classified:
    """A row, what it is, and the index of the sale it takes back."""

    row: Row
    kind: RowKind
    of: int | None = None


def check_columns(names: Sequence[str] | None) -> None:
    """Raise `MissingColumnError` naming the first column that is not there."""
    for column in COLUMNS:
        if column not in (names or ()):
            raise MissingColumnError(
                f"The file has no column {column}. It needs: {', '.join(COLUMNS)}.", field=column
            )


def read_rows(records: Iterable[dict[str, str]]) -> list[Row]:
    """The rows in order of the file; a date that cannot be read takes the row's before it."""
    rows: list[Row] = []
    ordinals: Counter[str] = Counter()
    at: datetime | None = None
    for record in records:
        invoice = record["InvoiceNo"].strip()
        ordinals[invoice] += 1
        at = _moment(record["InvoiceDate"]) or at
        if at is None:
            raise EmptyFileError
        customer = record["CustomerID"].strip()
        rows.append(
            Row(
                key=f"{invoice}/{ordinals[invoice]}",
                code=record["StockCode"].strip(),
                name=record["Description"].strip(),
                quantity=_whole(record["Quantity"]),
                at=at,
                price=_number(record["UnitPrice"]),
                customer=_token(customer) if customer else "",
                is_cancellation=invoice.startswith("C"),
                said=record["Quantity"],
            )
        )
    if not rows:
        raise EmptyFileError
    return sorted(rows, key=lambda row: row.at)


def classify(rows: Sequence[Row]) -> list[Classified]:
    """What each row is; takes the rows in time order.

    A cancellation of the same customer, item and quantity within 48 hours takes an entry error
    back. Any other is a return of the latest earlier line that still has as many units out; a
    customer that is not named matches nothing.
    """
    found: list[Classified] = []
    out: dict[tuple[str, str], list[list[int]]] = defaultdict(list)
    for index, row in enumerate(rows):
        kind = _kind(row)
        of: int | None = None
        lines = out[row.customer, row.code] if row.customer else []
        if kind is RowKind.SALE and row.customer and row.quantity:
            lines.append([index, row.quantity])
        elif kind is RowKind.RETURN and row.quantity:
            units = -row.quantity
            if (line := _reversed(lines, rows, row, units)) is not None:
                kind, of = RowKind.REVERSAL, line[0]
                lines.remove(line)
            elif (line := _returned(lines, units)) is not None:
                of = line[0]
                line[1] -= units
        found.append(Classified(row, kind, of))
    return found


def script_of(rows: Sequence[Row], *, live_from: date, seed: int, name: str, digest: str) -> Script:
    """The script a file makes; everything not in the file is drawn from the seed."""
    classified = classify(rows)
    live_at = midnight(live_from)
    demands = {
        index: _demand(one.row) for index, one in enumerate(classified) if one.kind is RowKind.SALE
    }
    entries = [
        (one.row.at, entry)
        for index, one in enumerate(classified)
        for entry in _entries(index, one, demands, rows, live_at)
    ]
    openings = _openings(classified, live_at)
    return Script(
        name=name,
        digest=f"{digest}:{live_from}:{seed}",
        catalog=_catalog(classified, seed),
        stretches=tuple(_stretches(entries, openings, live_at)),
        rows=len(rows),
    )


def _kind(row: Row) -> RowKind:
    if not _PRODUCT.match(row.code):
        return RowKind.NO_STOCK
    if row.quantity is None:
        return RowKind.BROKEN
    if row.is_cancellation and row.quantity < 0:
        return RowKind.RETURN
    if row.price == 0 or row.quantity < 0:
        return RowKind.ADJUSTMENT
    return RowKind.SALE


def _reversed(
    lines: list[list[int]], rows: Sequence[Row], row: Row, units: int
) -> list[int] | None:
    for line in reversed(lines):
        if row.at - rows[line[0]].at > REVERSED_WITHIN:
            return None
        if rows[line[0]].quantity == units == line[1]:
            return line
    return None


def _returned(lines: list[list[int]], units: int) -> list[int] | None:
    return next((line for line in reversed(lines) if line[1] >= units), None)


def _demand(row: Row) -> Demand:
    order, _, line = row.key.partition("/")
    return Demand(
        order, line, row.code, NODE, CHANNEL, row.quantity or 0, row.at, customer=row.customer
    )


def _entries(
    index: int,
    one: Classified,
    demands: dict[int, Demand],
    rows: Sequence[Row],
    live_at: datetime,
) -> Iterable[Entry]:
    row, of = one.row, one.of
    is_of_live = of is not None and rows[of].at >= live_at
    if one.kind is RowKind.SALE and row.at >= live_at:
        return [demands[index]]
    if one.kind is RowKind.REVERSAL and of is not None:
        return [Reversal(row.key, demands[of], is_of_live, row.at)]
    if one.kind is RowKind.RETURN and row.at >= live_at:
        return [
            Return(
                row.key,
                demands[of] if of is not None and is_of_live else None,
                row.code,
                NODE,
                -(row.quantity or 0),
                row.at,
                row.customer,
            )
        ]
    if one.kind is RowKind.RETURN:
        bodies = received_and_inspected(
            key=row.key,
            item=row.code,
            node=NODE,
            quantity=-(row.quantity or 0),
            occurred_at=row.at,
            customer=row.customer,
        )
        return [Fact(body) for body in bodies]
    return [Fact(_body(row, one.kind))]


def _body(row: Row, kind: RowKind) -> dict[str, Any]:
    """The event of a sale in the history, an adjustment, or a row the product will refuse."""
    quantity: object = row.quantity if row.quantity is not None else row.said
    is_adjustment = kind is RowKind.ADJUSTMENT or (row.quantity or 0) < 0
    body: dict[str, Any] = {
        "type": "adjustment.recorded" if is_adjustment else "sale.recorded",
        "source": SOURCE,
        "source_id": row.key,
        "occurred_at": row.at,
        "item": row.code,
        "node": NODE,
        "quantity": quantity,
    }
    if is_adjustment:
        body |= {"reason": "clerk", "note": row.name}
    else:
        body["channel"] = CHANNEL
    if row.customer:
        body["customer"] = row.customer
    return body


def _flows(classified: Sequence[Classified], before: datetime) -> dict[str, list[int]]:
    """Per item the units that leave (positive) or come (negative) before a moment, in order.

    An entry error that was taken back before that moment needs no cover.
    """
    undone = {
        place
        for index, one in enumerate(classified)
        if one.kind is RowKind.REVERSAL and one.row.at < before and one.of is not None
        for place in (index, one.of)
    }
    flows: dict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(classified):
        is_stock = one.kind not in (RowKind.NO_STOCK, RowKind.BROKEN)
        if one.row.at < before and is_stock and index not in undone:
            units = one.row.quantity or 0
            flows[one.row.code].append(-units if one.kind is RowKind.ADJUSTMENT else units)
    return flows


def _cover(classified: Sequence[Classified], live_at: datetime) -> dict[str, int]:
    """21 days of each item's own mean demand: before the live start, or from its first day on."""
    end = max(one.row.at for one in classified)
    taken_back = {one.of for one in classified if one.kind is RowKind.REVERSAL}
    first: dict[str, datetime] = {}
    units: Counter[str] = Counter()
    for index, one in enumerate(classified):
        code = one.row.code
        if one.kind in (RowKind.NO_STOCK, RowKind.BROKEN):
            continue
        first.setdefault(code, one.row.at)
        is_counted = one.row.at < live_at or first[code] >= live_at
        if one.kind is RowKind.SALE and index not in taken_back and is_counted:
            units[code] += one.row.quantity or 0
    cover = {}
    for code, seen_at in first.items():
        until = live_at if seen_at < live_at else end
        days = max(COVER_DAYS, (until - seen_at).days + 1)
        cover[code] = -(-units[code] * COVER_DAYS // days)
    return cover


def _openings(classified: Sequence[Classified], live_at: datetime) -> list[tuple[datetime, Fact]]:
    """One opening per item: what covers its history and leaves its cover at the live start.

    An item first seen later is opened on its first day.
    """
    cover = _cover(classified, live_at)
    flows = _flows(classified, live_at)
    start = midnight(classified[0].row.at.date())
    first: dict[str, datetime] = {}
    for one in classified:
        if one.row.code in cover:
            first.setdefault(one.row.code, midnight(one.row.at.date()))
    openings = []
    for code, days_cover in sorted(cover.items()):
        lowest = running = 0
        for units in flows.get(code, ()):
            running += units
            lowest = max(lowest, running)
        is_known = first[code] < live_at
        at = start if is_known else first[code]
        source = OPENING if is_known else LAUNCH
        body = {
            "type": "stock.opened",
            "source": source,
            "source_id": code,
            "occurred_at": at,
            "item": code,
            "node": NODE,
            "quantity": max(lowest, running + days_cover),
        }
        openings.append((at, Fact(body)))
    return openings


def _stretches(
    entries: Sequence[tuple[datetime, Entry]],
    openings: Sequence[tuple[datetime, Fact]],
    live_at: datetime,
) -> Iterable[Stretch]:
    """Weeks before the live start, open days from it on; openings lead their stretch."""
    opened: dict[datetime, list[Entry]] = defaultdict(list)
    start = min(at for at, _ in [*entries, *openings])
    starts: dict[datetime, list[Entry]] = defaultdict(list)
    for at, fact in openings:
        opened[_start_of(at, start, live_at)].append(fact)
    for at, entry in entries:
        starts[_start_of(at, start, live_at)].append(entry)
    for begins in sorted({*opened, *starts}):
        is_live = begins >= live_at
        ends = begins + (timedelta(days=1) if is_live else HISTORY_STRETCH)
        yield Stretch(
            begins,
            ends if is_live else min(ends, live_at),
            is_live,
            (*opened.get(begins, ()), *starts.get(begins, ())),
        )


def _start_of(at: datetime, start: datetime, live_at: datetime) -> datetime:
    if at >= live_at:
        return midnight(at.date())
    first = midnight(start.date())
    return first + (at - first) // HISTORY_STRETCH * HISTORY_STRETCH


def _catalog(classified: Sequence[Classified], seed: int) -> Catalog:
    draw = random.Random(seed)  # noqa: S311 - a made-up lead time guards nothing
    suppliers = []
    for number in range(1, SUPPLIERS + 1):
        days = min(21, max(4, round(draw.gammavariate(4.0, 2.5))))
        suppliers.append(
            {
                "code": f"SUP-{number:02}",
                "name": f"Supplier {number}",
                "lead_time_days": days,
                "lead_time_sd_days": round(days * draw.uniform(0.1, 0.35), 2),
            }
        )
    names: dict[str, Counter[str]] = defaultdict(Counter)
    prices: dict[str, list[float]] = defaultdict(list)
    worth: Counter[str] = Counter()
    for one in classified:
        if one.kind in (RowKind.NO_STOCK, RowKind.BROKEN):
            continue
        code = one.row.code
        names[code][one.row.name] += 1 if one.row.price > 0 and one.row.name else 0
        if one.row.price > 0:
            prices[code].append(one.row.price)
        if one.kind is RowKind.SALE:
            worth[code] += int(100 * one.row.price * (one.row.quantity or 0))
    classes = _classes(worth)
    items = []
    for code in sorted(names):
        price = median(prices[code]) if prices[code] else 0.0
        digest = hashlib.sha256(f"{seed}:{code}".encode()).digest()
        items.append(
            {
                "sku": code,
                "name": names[code].most_common(1)[0][0] or code,
                "item_class": classes.get(code, "C"),
                "unit_price": f"{price:.4f}",
                "unit_cost": f"{price / 2:.4f}",
                "supplier": suppliers[digest[0] % SUPPLIERS]["code"],
            }
        )
    node = {"code": NODE, "name": "Distribution centre", "kind": "dc", "closed_weekdays": [6]}
    channel = {"code": CHANNEL, "name": "Web shop", "kind": "web", "nodes": [NODE]}
    return Catalog(tuple(suppliers), (node,), tuple(items), (channel,))


def _classes(worth: Counter[str]) -> dict[str, str]:
    """ABC by turnover: the items of the first 80 %, the next 15 %, the rest."""
    total, seen = sum(worth.values()) or 1, 0
    classes = {}
    for code, value in worth.most_common():
        classes[code] = "A" if seen < 0.8 * total else "B" if seen < 0.95 * total else "C"
        seen += value
    return classes


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    try:
        return int(text) or None
    except ValueError:
        return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _token(customer: str) -> str:
    return f"c-{hashlib.sha256(customer.encode()).hexdigest()[:12]}"
