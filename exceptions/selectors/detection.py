"""What a run of detection reads: the scene its detectors see, and the cases it may touch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from exceptions.models import ExceptionCase
from exceptions.rules import (
    COVER_MARGIN_DAYS,
    UNMAPPED,
    horizon_days,
    keys_of,
    name_key,
    open_days,
    risk_of,
    serial_key,
    window_start,
)
from exceptions.selectors.documents import (
    disputed_receipts_of,
    disputed_transfers_of,
    late_orders_of,
    late_transfers_of,
    papers_at,
)
from exceptions.selectors.doubts import settled_at, source_states
from exceptions.states import LIVE, Resolution
from exceptions.values import (
    NO_DEMAND,
    Claim,
    Count,
    Demand,
    Goods,
    Holding,
    NodeCard,
    PromotionAhead,
    Reports,
    Scene,
)
from inventory_control.availability.selectors import (
    disagreements_at,
    exposure_doubts,
    holds_at,
    unconfirmed_channels,
)
from inventory_control.availability.selectors import is_detection_due as has_changed_places
from inventory_control.catalog.models import Item
from inventory_control.core import clock
from inventory_control.core.places import Place, Places
from inventory_control.core.sql import hot, named_statements, numbers, texts
from inventory_control.events.selectors import (
    empty_shelves,
    event_doubts,
    has_untold_names,
    is_source_noted,
    staleness,
    unknown_serials,
    waiting_names,
)
from inventory_control.events.values import ShelfSignal, UnknownSerial
from inventory_control.orders.selectors import cancelled_documents, inbound_supply
from inventory_control.orders.values import InboundSupply
from inventory_control.outbox.selectors import failed_targets, has_command_news
from inventory_control.policies.selectors import current_policy
from inventory_control.reconciliation.selectors import has_news, mismatches, shortfalls
from inventory_control.stock.selectors import (
    asserted_at,
    claims_at,
    overdrawn_claims,
    pending_counts,
    stock_cards,
    stock_doubts,
    units_at,
)

POLICY = "detection"
RECEIVING = "receiving"
STILL_TOLD = timedelta(days=30)
"""How long a shipment in spite of a cancellation is told of."""
USUAL_LEAD_TIME_DAYS = 7
"""For an item without a supplier."""
_BY_A_PERSON = frozenset({Resolution.BY_HAND.value, Resolution.FALSE_ALARM.value})
CASE_SQL = named_statements(Path(__file__).parents[1] / "cases.sql")


def is_live(at: datetime) -> bool:
    """Whether the tenant is live at a moment: before that, changes are history and open nothing."""
    live_from = str(current_policy(POLICY).value.get("live_from") or "")
    return not live_from or at >= datetime.fromisoformat(live_from)


def is_detection_due() -> bool:
    """Whether something waits for the detectors: changed places, sources, what other systems
    reported, instructions that could not leave, names that nobody knows, cases of names that
    somebody mapped, or a risk that was quiet long enough.
    """
    return (
        has_changed_places()
        or has_news()
        or is_source_noted()
        or has_untold_names()
        or has_command_news()
        or bool(lapsed_places(clock.now()))
        or _has_mapped_names()
    )


def _has_mapped_names() -> bool:
    """Whether a case is live for a name that nothing waits for any more."""
    keys = {key for (key,) in hot(CASE_SQL["unmapped"], {"kind": UNMAPPED})}
    if not keys:
        return False
    return bool(keys - {f"{UNMAPPED}:{name_key(name)}" for name in waiting_names()})


def lapsed_places(at: datetime) -> dict[int, Place]:
    """The places whose risk was to stay quiet until now, by the case that said so."""
    return {pk: (item_id, node_id) for pk, item_id, node_id in hot(CASE_SQL["lapsed"], {"at": at})}


def cases_in_view(
    places: Places, *, place_kinds: Sequence[str], document_kinds: Sequence[str]
) -> list[ExceptionCase]:
    """The live cases of some places and of all documents, locked in order of their key."""
    asked = [
        pk
        for (pk,) in hot(
            CASE_SQL["in_view"],
            {
                **places.arrays,
                "place_kinds": texts(place_kinds),
                "document_kinds": texts(document_kinds),
            },
        )
    ]
    if not asked:
        return []
    cases = ExceptionCase.objects.select_for_update(of=("self",))
    # The status is asked again of each row once it is locked: somebody may just have closed it.
    return list(cases.filter(pk__in=asked, status__in=LIVE).order_by("pk"))


def quiet_severities(risks: Collection[str], at: datetime) -> dict[str, int]:
    """Risks that a closed case holds back at a moment, with the worst severity it knew of.

    A case that was closed because supply is on its way holds nothing back once that supply is
    cancelled.
    """
    if not risks:
        return {}
    keys = [key for risk in risks for key in keys_of(risk)]
    quiet: dict[str, int] = {}
    closed = list(ExceptionCase.objects.filter(key__in=keys, quiet_until__gt=at))
    if not closed:
        return {}
    cancelled = cancelled_documents({name for case in closed for name in _awaited(case)})
    for case in closed:
        if cancelled.isdisjoint(_awaited(case)):
            risk = risk_of(case.key)
            quiet[risk] = min(case.severity, quiet.get(risk, case.severity))
    return quiet


def settled_by_hand(risks: Collection[str]) -> dict[str, tuple[int, int]]:
    """Risks of documents that a person closed last, with the units and the rank they knew of.

    A dispute is a fact that does not go away; what a person settled stays so until it gets worse.
    """
    if not risks:
        return {}
    latest = (
        ExceptionCase.objects.filter(key__in=list(risks))
        .exclude(document="")
        .order_by("key", "-id")
        .distinct("key")
        .values_list("key", "units", "severity", "resolution")
    )
    return {
        key: (units, severity)
        for key, units, severity, resolution in latest
        if resolution in _BY_A_PERSON
    }


def _awaited(case: ExceptionCase) -> set[str]:
    if case.resolution != Resolution.NO_ACTION_NEEDED:
        return set()
    return {str(one["document"]) for one in case.evidence.get("inbound", ())}


def reports_to_look_at() -> Reports:
    """What reconciliation found, for a run that was told of news there."""
    return Reports(mismatches=tuple(mismatches()), shortfalls=tuple(shortfalls()))


def scene_of(places: Places, at: datetime, reports: Reports | None = None) -> Scene:
    """Everything the detectors need of some places, of late documents and of other systems' word, of sources.

    A constant number of queries, whatever the number of places.
    """
    papers = papers_at(at)
    goods = _goods(papers.item_ids())
    return Scene(
        at=at,
        holdings=tuple(_holdings(places, at)) if places else (),
        late_orders=tuple(late_orders_of(papers, goods)),
        late_transfers=tuple(late_transfers_of(papers, goods)),
        disputed_transfers=tuple(disputed_transfers_of(papers, goods)),
        disputed_receipts=tuple(disputed_receipts_of(papers, goods)),
        damage_share=Decimal(str(current_policy(RECEIVING).value["damage_share"])),
        reports=reports or Reports(),
        sources=source_states(at),
        failed_targets=tuple(failed_targets()),
        unconfirmed=tuple(unconfirmed_channels()),
    )


def _holdings(places: Places, at: datetime) -> Iterable[Holding]:
    found = hot(CASE_SQL["nodes"], {"nodes": numbers(places.node_ids())})
    nodes = {pk: NodeCard(*node) for pk, *node in found}
    tomorrow = at.date() + timedelta(days=1)
    # Demand over the last open days of each node, today included: its sales are known.
    starts = {pk: window_start(tomorrow, one.closed_weekdays) for pk, one in nodes.items()}
    cards = stock_cards(places, since=starts, until=tomorrow)
    goods = {
        card.item_id: _goods_of(
            card.item_id, card.sku, card.unit_cost, card.unit_price, card.lead_time_days
        )
        for card in cards
    }
    doubts, exposure, told = stock_doubts(), exposure_doubts(), event_doubts()
    inbound = inbound_supply(places)
    claims = claims_at(
        (card.item_id, card.node_id)
        for card in cards
        if card.sellable < card.reserved + card.allocated
    )
    overdrawn = _overdrawn(places, at) if doubts.overdrawn else {}
    counts = _counts(places) if doubts.counts else {}
    room = _room(nodes, inbound)
    holds = holds_at(places) if exposure.holds else {}
    disagreements = disagreements_at(places) if exposure.pushes else {}
    promotions = _promotions(places, goods, at)
    shelves = _empty_shelves(places) if told.shelves else {}
    serials = _unknown_serials(places, goods, nodes) if told.serials else {}
    freshness = staleness(nodes, at=at)
    days: dict[tuple[date, int], int] = {}
    for card in cards:
        node_id, place = card.node_id, (card.item_id, card.node_id)
        node, first_day = nodes[node_id], card.first_day
        since = max(first_day or tomorrow, starts[node_id]), node_id
        if since not in days:
            days[since] = open_days(since[0], tomorrow, node.closed_weekdays)
        yield Holding(
            goods=goods[card.item_id],
            node_id=node_id,
            node=node.code,
            sellable=card.sellable,
            reserved=card.reserved,
            allocated=card.allocated,
            safety_stock=card.safety_stock,
            reorder_point=card.reorder_point,
            is_ranged=card.is_ranged,
            demand=NO_DEMAND if first_day is None else Demand(card.demand or 0, days[since]),
            inbound=tuple(inbound.get(place, ())),
            claims=tuple(Claim(*claim) for claim in claims.get(place, ())),
            overdrawn=tuple(overdrawn.get(place, ())),
            counts=tuple(counts.get(place, ())),
            room=room.get(node_id),
            holds=tuple(holds.get(place, ())),
            disagreements=tuple(disagreements.get(place, ())),
            promotions=tuple(promotions.get(place, ())),
            empty_shelf=shelves.get(place),
            unknown_serials=tuple(serials.get(place, ())),
            freshness=freshness.get(node_id),
        )


def _room(
    nodes: Mapping[int, NodeCard], inbound: Mapping[Place, Sequence[InboundSupply]]
) -> dict[int, int]:
    """Units each limited node can still take, besides what is on its way to the places asked for."""
    limited = {pk: node.capacity_units for pk, node in nodes.items() if node.capacity_units}
    held = units_at(list(limited)) if limited else {}
    coming: dict[int, int] = {}
    for (_, node_id), supply in inbound.items():
        coming[node_id] = coming.get(node_id, 0) + sum(one.quantity for one in supply)
    return {
        pk: max(0, (capacity or 0) - held.get(pk, 0) - coming.get(pk, 0))
        for pk, capacity in limited.items()
    }


def _goods(item_ids: Collection[int]) -> dict[int, Goods]:
    if not item_ids:
        return {}
    items = Item.objects.filter(pk__in=item_ids)
    return {
        pk: _goods_of(pk, *told)
        for pk, *told in items.values_list(
            "pk", "sku", "unit_cost", "unit_price", "supplier__lead_time_days"
        )
    }


def _goods_of(
    item_id: int, sku: str, cost: Decimal, price: Decimal, lead_time_days: int | None
) -> Goods:
    usual = USUAL_LEAD_TIME_DAYS if lead_time_days is None else lead_time_days
    return Goods(item_id, sku, cost, price, usual)


def _counts(places: Places) -> dict[Place, list[Count]]:
    counts: dict[Place, list[Count]] = {}
    for one in pending_counts(places):
        counts.setdefault((one.item_id, one.node_id), []).append(
            Count(expected=one.expected, counted=one.quantity, occurred_at=one.occurred_at)
        )
    return counts


def _overdrawn(places: Places, at: datetime) -> dict[Place, list[Claim]]:
    """Order lines that shipped although they were cancelled, while somebody can still act."""
    found: dict[Place, list[Claim]] = {}
    for claim in overdrawn_claims(places, since=at - STILL_TOLD):
        place = claim.item_id, claim.node_id
        found.setdefault(place, []).append(Claim(claim.key, claim.channel, claim.units))
    return found


def _promotions(
    places: Places, goods: Mapping[int, Goods], at: datetime
) -> dict[Place, list[PromotionAhead]]:
    """The promotions of each place that run, or begin before an order placed now arrives."""
    longest = max((one.lead_time_days for one in goods.values()), default=0)
    until = at + timedelta(days=horizon_days(longest) + COVER_MARGIN_DAYS)
    found: dict[Place, list[PromotionAhead]] = {}
    for item_id, node_id, *promotion in hot(
        CASE_SQL["promotions"], {**places.arrays, "at": at, "until": until}
    ):
        found.setdefault((item_id, node_id), []).append(PromotionAhead(*promotion))
    return found


def _empty_shelves(places: Places) -> dict[Place, ShelfSignal]:
    """Shelves that showed nothing, unless somebody counted since: a count weighs more."""
    shelves = empty_shelves(places)
    counted = asserted_at(shelves) if shelves else {}
    return {
        place: signal
        for place, signal in shelves.items()
        if place not in counted or counted[place] < signal.occurred_at
    }


def _unknown_serials(
    places: Places, goods: Mapping[int, Goods], nodes: Mapping[int, NodeCard]
) -> dict[Place, list[UnknownSerial]]:
    """Units that came back unknown, unless somebody settled that since."""
    units = {
        serial_key(goods[item].sku, nodes[node].code, unit.serial): ((item, node), unit)
        for (item, node), found in unknown_serials(places).items()
        for unit in found
    }
    settled = settled_at([f"unknown_serial:{key}" for key in units])
    serials: dict[Place, list[UnknownSerial]] = {}
    for key, (place, unit) in units.items():
        closed_at = settled.get(f"unknown_serial:{key}")
        if closed_at is None or closed_at < unit.returned_at:
            serials.setdefault(place, []).append(unit)
    return serials
