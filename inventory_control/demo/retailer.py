"""A made-up retailer: eight weeks, three stores, one DC, a web shop, two marketplaces. Pure.

Shaped like the published facts of real ones: a few items carry most of the demand, line
quantities have a heavy tail, stores close on Sundays, most is sold around noon. The same seed
gives the same retailer. Six incidents are planted; see `_incidents`.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from inventory_control.demo.script import (
    OPENING,
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
    midnight,
    received_and_inspected,
)

STARTS_ON = date(2026, 3, 2)
DAYS, HISTORY_DAYS = 56, 28
LINES, ITEMS, SUPPLIERS, CUSTOMERS = 12_500, 90, 6, 1_000
DC, STORES = "DC-1", ("STORE-1", "STORE-2", "STORE-3")
WEB_SHOP = "web-shop"
CHANNELS: Mapping[str, tuple[str, tuple[str, ...], float]] = {
    "stores": ("store", STORES, 0.45),
    WEB_SHOP: ("web", (DC,), 0.33),
    "market-one": ("marketplace", (DC,), 0.14),
    "market-two": ("marketplace", (DC,), 0.08),
}
"""Channel -> kind, the nodes it draws on, its share of the lines."""
COVER_DAYS = {DC: 16, **dict.fromkeys(STORES, 9)}
WEEKDAYS = (1.0, 0.95, 1.0, 1.1, 1.25, 1.3, 0.7)
HOURS = (0.3, 0.6, 1.0, 1.5, 1.8, 1.6, 1.3, 1.1, 1.0, 0.8, 0.5)
FIRST_HOUR = 9
SUNDAY = 6
RETURNED, REVERSED = 0.02, 0.003
AGREED, LEFT = 0.8, 0.1
PROMOTED, PROMOTION_DAYS, PROMOTION_LIFT = 12, range(39, 42), 3.0
NEIGHBOUR_ITEMS = 20
NOUNS = ("Mug", "Lamp", "Blanket", "Basket", "Frame", "Vase", "Candle", "Tray", "Clock", "Stool")
KINDS = ("Oak", "Linen", "Copper", "Slate", "Willow", "Amber", "Indigo", "Moss", "Chalk")


@dataclass(frozen=True, slots=True)
class Product:
    """One item and how much of the demand it draws."""

    sku: str
    name: str
    price: float
    supplier: str
    weight: float


def generated(seed: int) -> Script:
    """The retailer of a seed."""
    draw = random.Random(seed)  # noqa: S311 - a made-up retailer guards nothing
    suppliers = _suppliers(draw)
    products = _products(draw, suppliers)
    demands = _demands(draw, products)
    live_at = midnight(STARTS_ON + timedelta(days=HISTORY_DAYS))
    after = _afterwards(draw, demands, live_at)
    entries: list[tuple[datetime, Entry]] = [
        *((one.occurred_at, one if one.occurred_at >= live_at else _sale(one)) for one in demands),
        *after,
    ]
    rows = len(entries)
    entries = [(at, single) for at, one in entries for single in _historic(one, at, live_at)]
    told = [(at, Fact(body)) for at, body in (*_incidents(products), *_consents(demands))]
    stretches = _stretches([*entries, *told], _openings(demands, products, live_at), live_at)
    return Script(
        name=f"the generated retailer (seed {seed})",
        digest=f"generated:{seed}",
        catalog=_catalog(products, suppliers),
        stretches=tuple(stretches),
        rows=rows,
        tells=WEB_SHOP,
    )


def neighbour(seed: int, until: datetime) -> tuple[Catalog, list[Body]]:
    """Four weeks of a smaller retailer as plain facts that end at a moment.

    What a tenant that lives in real time sends; it has no channels and nobody plays its days.
    """
    script = generated(seed)
    history = script.stretches[0]
    kept = {item["sku"] for item in script.catalog.items[:NEIGHBOUR_ITEMS]}
    later = until - history.ends_at
    facts = []
    for entry in history.entries:
        if isinstance(entry, Fact) and entry.body.get("item") in kept:
            moment: datetime = entry.body["occurred_at"]
            facts.append({**entry.body, "occurred_at": moment + later})
    items = tuple(item for item in script.catalog.items if item["sku"] in kept)
    return replace(script.catalog, items=items, channels=()), _without_channel(facts)


def _without_channel(facts: Sequence[Body]) -> list[Body]:
    return [{key: value for key, value in one.items() if key != "channel"} for one in facts]


def _suppliers(draw: random.Random) -> tuple[dict[str, Any], ...]:
    found = []
    for number in range(1, SUPPLIERS + 1):
        days = draw.randint(3, 9)
        found.append(
            {
                "code": f"SUP-{number}",
                "name": f"Supplier {number}",
                "lead_time_days": days,
                "lead_time_sd_days": round(days * draw.uniform(0.1, 0.35), 2),
            }
        )
    return tuple(found)


def _products(draw: random.Random, suppliers: Sequence[Mapping[str, Any]]) -> list[Product]:
    names = [f"{kind} {noun}" for kind in KINDS for noun in NOUNS]
    return [
        Product(
            sku=f"H-{number:04}",
            name=names[number - 1],
            price=round(min(180.0, draw.lognormvariate(2.6, 0.6)), 2),
            supplier=str(draw.choice(suppliers)["code"]),
            weight=draw.lognormvariate(0.0, 1.1),
        )
        for number in range(1, ITEMS + 1)
    ]


def _demands(draw: random.Random, products: Sequence[Product]) -> list[Demand]:
    """Demand lines in time order; lines of one order share customer, channel and minute."""
    weekdays = [WEEKDAYS[(STARTS_ON + timedelta(days=day)).weekday()] for day in range(DAYS)]
    found: list[Demand] = []
    plain = [product.weight for product in products]
    lifted = [
        weight * (PROMOTION_LIFT if place < PROMOTED else 1.0) for place, weight in enumerate(plain)
    ]
    for day in range(DAYS):
        is_promotion = day in PROMOTION_DAYS
        lines = round(LINES * weekdays[day] / sum(weekdays) * (1.3 if is_promotion else 1.0))
        weights = lifted if is_promotion else plain
        found += _day(draw, day, lines, products, weights)
    return sorted(found, key=lambda one: (one.occurred_at, one.key))


def _day(
    draw: random.Random,
    day: int,
    lines: int,
    products: Sequence[Product],
    weights: Sequence[float],
) -> list[Demand]:
    on = STARTS_ON + timedelta(days=day)
    names = [name for name in CHANNELS if on.weekday() != SUNDAY or name != "stores"]
    shares = [CHANNELS[name][2] for name in names]
    found: list[Demand] = []
    number = 0
    while len(found) < lines:
        number += 1
        channel = draw.choices(names, shares)[0]
        hour = draw.choices(range(len(HOURS)), HOURS)[0] + FIRST_HOUR
        at = midnight(on) + timedelta(hours=hour, minutes=draw.randrange(60))
        size = min(1 + int(draw.expovariate(0.9)), 8, lines - len(found))
        node = draw.choice(CHANNELS[channel][1])
        customer = "" if channel == "stores" else f"c-{draw.randrange(CUSTOMERS):05}"
        for line in range(1, size + 1):
            product = draw.choices(products, weights)[0]
            quantity = max(1, min(60, int(draw.paretovariate(1.6))))
            found.append(
                Demand(
                    order=f"{channel}-{on:%y%m%d}-{number}",
                    line=str(line),
                    item=product.sku,
                    node=node,
                    channel=channel,
                    quantity=quantity,
                    occurred_at=at,
                    customer=customer,
                )
            )
    return found


def _sale(demand: Demand) -> Fact:
    """A sale of the history, posted as the fact it is."""
    body: dict[str, Any] = {
        "type": "sale.recorded",
        "source": SOURCE,
        "source_id": demand.key,
        "occurred_at": demand.occurred_at,
        "item": demand.item,
        "node": demand.node,
        "quantity": demand.quantity,
        "channel": demand.channel,
    }
    if demand.customer:
        body["customer"] = demand.customer
    return Fact(body)


def _afterwards(
    draw: random.Random, demands: Sequence[Demand], live_at: datetime
) -> list[tuple[datetime, Entry]]:
    """Returns some days later, and entry errors taken back within hours."""
    end = midnight(STARTS_ON + timedelta(days=DAYS))
    found: list[tuple[datetime, Entry]] = []
    for demand in demands:
        chance = draw.random()
        days, minutes = draw.randint(3, 10), draw.randint(5, 90)
        is_live = demand.occurred_at >= live_at
        if chance < REVERSED:
            at = demand.occurred_at + timedelta(minutes=minutes)
            found.append((at, Reversal(f"{demand.key}/reversed", demand, is_live, at)))
        elif chance < REVERSED + RETURNED and demand.customer:
            at = demand.occurred_at + timedelta(days=days)
            # A return across the live start or past the end would be another story.
            if at < end and is_live == (at >= live_at):
                found.append(
                    (
                        at,
                        Return(
                            f"{demand.key}/returned",
                            demand if is_live else None,
                            demand.item,
                            demand.node,
                            max(1, demand.quantity // 2),
                            at,
                            demand.customer,
                        ),
                    )
                )
    return found


def _historic(entry: Entry, at: datetime, live_at: datetime) -> Iterable[Entry]:
    """A return of the history as plain facts."""
    if not isinstance(entry, Return) or at >= live_at:
        return [entry]
    bodies = received_and_inspected(
        key=entry.key,
        item=entry.item,
        node=entry.node,
        quantity=entry.quantity,
        occurred_at=entry.occurred_at,
        customer=entry.customer,
    )
    return [Fact(body) for body in bodies]


def _openings(
    demands: Sequence[Demand], products: Sequence[Product], live_at: datetime
) -> list[Fact]:
    """What covers the history and leaves some days' demand; the DC also feeds the stores."""
    history: Counter[tuple[str, str]] = Counter()
    for demand in demands:
        if demand.occurred_at < live_at:
            history[demand.item, demand.node] += demand.quantity
    facts = []
    for product in products:
        feeds = sum(history[product.sku, store] for store in STORES)
        for node, days in COVER_DAYS.items():
            gone = history[product.sku, node]
            daily = (gone + (feeds if node == DC else 0)) / HISTORY_DAYS
            body = {
                "type": "stock.opened",
                "source": OPENING,
                "source_id": f"{product.sku}@{node}",
                "occurred_at": midnight(STARTS_ON),
                "item": product.sku,
                "node": node,
                "quantity": gone + round(daily * days) + 2,
            }
            facts.append(Fact(body))
    return facts


def _incidents(products: Sequence[Product]) -> list[tuple[datetime, dict[str, Any]]]:
    """Phantom stock, late ASN, oversell, count variance, return to inspection, a promotion; days
    count from the live start.
    """
    by_weight = sorted(products, key=lambda product: -product.weight)
    top, second, slow = by_weight[0].sku, by_weight[1].sku, by_weight[-1].sku
    middle = by_weight[len(by_weight) // 2]
    found: list[tuple[datetime, dict[str, Any]]] = []

    def happens(day: int, hour: int, kind: str, source: str, **fields: Any) -> None:
        at = midnight(STARTS_ON) + timedelta(days=HISTORY_DAYS + day, hours=hour)
        number = len(found) + 1
        body = {"type": kind, "source": source, "source_id": f"incident-{number}"}
        found.append((at, {**body, "occurred_at": at, **fields}))

    def moment(day: int) -> datetime:
        return midnight(STARTS_ON) + timedelta(days=HISTORY_DAYS + day, hours=9)

    for hour in (10, 12, 14):
        happens(7, hour, "pick.failed", "STORE-2", item=second, node="STORE-2", quantity=1)
    happens(8, 9, "stock.counted", "STORE-2", item=second, node="STORE-2", quantity=0)
    late = {"document": "ERP-PO-7001"}
    happens(
        2, 8, "purchase_order.created", "erp", item=middle.sku, node=DC, quantity=240,
        supplier=middle.supplier, due_at=moment(6), **late,
    )  # fmt: skip
    happens(3, 8, "asn.created", "erp", item=middle.sku, node=DC, due_at=moment(6), **late)
    happens(6, 7, "asn.updated", "erp", item=middle.sku, node=DC, due_at=moment(12), **late)
    happens(12, 10, "receipt.recorded", "erp", item=middle.sku, node=DC, quantity=240, **late)
    rush = {"item": top, "node": DC, "quantity": 900, "order": "market-one-rush", "line": "1"}
    happens(14, 13, "order.created", "market-one", channel="market-one", **rush)
    happens(16, 9, "order.cancelled", "market-one", channel="market-one", **rush)
    happens(10, 18, "stock.counted", "STORE-1", item=slow, node="STORE-1", quantity=180)
    back = {"item": top, "node": DC, "quantity": 6}
    happens(4, 11, "return.received", "returns-desk", to_state="quarantined", **back)
    happens(
        5, 15, "return.inspected", "returns-desk", from_state="quarantined", to_state="damaged",
        **back,
    )  # fmt: skip
    weekend = {
        "code": "WEEKEND",
        "starts_at": midnight(STARTS_ON + timedelta(days=PROMOTION_DAYS.start)).isoformat(),
        "ends_at": midnight(STARTS_ON + timedelta(days=PROMOTION_DAYS.stop)).isoformat(),
        "uplift": f"{PROMOTION_LIFT - 1}",
    }
    for product in products[:PROMOTED]:
        happens(9, 9, "promotion.changed", "campaigns", item=product.sku, attributes=weekend)
    return found


def _consents(demands: Iterable[Demand]) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """What the web shop's customers agreed to when they first ordered, and who took it back.

    Drawn by token, so that it changes nothing else of the retailer.
    """
    first: dict[str, datetime] = {}
    for demand in demands:
        if demand.channel == WEB_SHOP:
            first.setdefault(demand.customer, demand.occurred_at)
    left_at = midnight(STARTS_ON) + timedelta(days=HISTORY_DAYS + 12, hours=20)
    for customer, at in first.items():
        chance = random.Random(customer).random()  # noqa: S311 - a made-up consent guards nothing
        body = {
            "source": "crm",
            "customer": customer,
            "attributes": {"medium": "mail", "purpose": "service"},
        }
        if chance < AGREED:
            told = {"type": "consent.given", "source_id": f"{customer}/agreed", **body}
            yield at, {**told, "occurred_at": at}
        if chance < LEFT and at < left_at:
            told = {"type": "consent.withdrawn", "source_id": f"{customer}/left", **body}
            yield left_at, {**told, "occurred_at": left_at}


def _stretches(
    entries: Sequence[tuple[datetime, Entry]], openings: Sequence[Fact], live_at: datetime
) -> Iterable[Stretch]:
    """The history in one stretch, then every day."""
    start = midnight(STARTS_ON)
    by_start: dict[datetime, list[tuple[datetime, Entry]]] = defaultdict(list)
    for at, entry in entries:
        by_start[start if at < live_at else midnight(at.date())].append((at, entry))
    for begins, found in sorted(by_start.items()):
        is_live = begins >= live_at
        ordered = [entry for _, entry in sorted(found, key=lambda one: one[0])]
        yield Stretch(
            begins,
            begins + timedelta(days=1) if is_live else live_at,
            is_live,
            tuple(ordered) if is_live else (*openings, *ordered),
        )


def _catalog(products: Sequence[Product], suppliers: Sequence[Mapping[str, Any]]) -> Catalog:
    ranked = sorted(products, key=lambda product: -product.weight * product.price)
    classes = {
        product.sku: "A" if place < 18 else "B" if place < 45 else "C"
        for place, product in enumerate(ranked)
    }
    items = tuple(
        {
            "sku": product.sku,
            "name": product.name,
            "item_class": classes[product.sku],
            "unit_price": f"{product.price:.2f}",
            "unit_cost": f"{product.price * 0.55:.4f}",
            "supplier": product.supplier,
        }
        for product in products
    )
    nodes: list[dict[str, Any]] = [{"code": DC, "name": "Distribution centre", "kind": "dc"}]
    nodes += [
        {"code": code, "name": f"Store {number}", "kind": "store", "closed_weekdays": [7]}
        for number, code in enumerate(STORES, 1)
    ]
    channels = tuple(
        {
            "code": code,
            "name": code.replace("-", " ").capitalize(),
            "kind": kind,
            "nodes": list(drawn_on),
            "buffer": 2 if kind == "marketplace" else 0,
        }
        for code, (kind, drawn_on, _) in CHANNELS.items()
    )
    return Catalog(tuple(suppliers), tuple(nodes), items, channels)
