"""Questions for advice: which cases wait, what is known of their places, what was advised."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

import numpy as np
from django.db.models import Exists, F, OuterRef, QuerySet

from ai_advice.models import Advice, Override
from ai_advice.rules import ORDERING, demand_levels, window_spread
from ai_advice.values import Goods, Outlook, Question, Terms
from exceptions.models import ExceptionCase
from exceptions.rules import ADVISABLE
from exceptions.states import LIVE
from inventory_control.catalog.models import Item, ItemNode, Node
from inventory_control.core import clock
from inventory_control.core.places import Place
from inventory_control.orders.selectors import inbound_supply
from inventory_control.orders.values import InboundSupply
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.values import PolicyValue
from inventory_control.stock.selectors import demand_days, positions_of, units_at
from inventory_control.stock.values import Position

HISTORY_DAYS = 112
USUAL_LEAD_TIME_DAYS = 7
POLICY = "advice"


def advisable_cases(limit: int) -> list[ExceptionCase]:
    """Live cases nobody governs yet and no fresh advice answers, those due first."""
    return list(
        _waiting().select_related("item__supplier", "node").order_by("due_at", "id")[:limit]
    )


def is_advice_due() -> bool:
    """Whether a case waits for the product's own advisor, and the tenant lets it speak."""
    return is_own_advisor_on() and _waiting().exists()


def is_own_advisor_on() -> bool:
    """Whether the tenant uses the product's own advisor; outside ones may speak either way."""
    return bool(current_policy(POLICY).value.get("internal", True))


def terms_of(policy: PolicyValue) -> Terms:
    """The policy's numbers as advisors take them."""
    value = policy.value
    return Terms(
        review_days=int(value.get("review_days", 7)),
        service_target=float(value.get("service_target", 0.95)),
        own_cover_days=int(value.get("own_cover_days", 20)),
        transfer_cost_per_unit=float(value.get("transfer_cost_per_unit", 0.04)),
        minimum_days=int(value.get("minimum_days", 14)),
        minimum_sales=int(value.get("minimum_sales", 4)),
        valid_hours=int(value.get("valid_hours", 24)),
        cited_as=policy.name,
    )


def latest_advice(case_ids: Collection[int]) -> dict[int, Advice]:
    """The newest advice on each case's present version that has not expired."""
    found = (
        Advice.objects.filter(
            case_id__in=case_ids, case_version=F("case__version"), expires_at__gt=clock.now()
        )
        .select_related("case", "from_node", "supplier")
        .order_by("case_id", "-id")
        .distinct("case_id")
    )
    return {advice.case_id: advice for advice in found}


def newest_advice(case_ids: Collection[int]) -> dict[int, Advice]:
    """The last advice on each case, current or not: what a page shows beside it."""
    found = (
        Advice.objects.filter(case_id__in=case_ids)
        .select_related("from_node", "supplier")
        .order_by("case_id", "-id")
        .distinct("case_id")
    )
    return {advice.case_id: advice for advice in found}


def advice_of(case_id: int) -> list[Advice]:
    """Everything that was advised on a case, newest first."""
    return list(
        Advice.objects.filter(case_id=case_id)
        .select_related("from_node", "supplier")
        .prefetch_related("overrides")
        .order_by("-id")
    )


def override_rate(since: datetime) -> float | None:
    """Share of advice since a moment that a person overrode; None without advice."""
    made = Advice.objects.filter(made_at__gte=since).count()
    if not made:
        return None
    return Override.objects.filter(made_at__gte=since).values("advice").distinct().count() / made


def questions(cases: Sequence[ExceptionCase], terms: Terms) -> list[Question]:
    """Everything an advisor needs on some cases; a constant number of queries."""
    now = clock.now()
    asked = [(case, case.item, case.node) for case in cases]
    goods = {item.pk: _goods(item) for _, item, _ in asked if item is not None}
    positions = positions_of(list(goods))
    mine = {case.pk: (item.pk, node.pk) for case, item, node in asked if item and node}
    places = sorted({*positions, *mine.values()})
    nodes = Node.objects.in_bulk({node for _, node in places})
    outlooks = _outlooks(places, goods, nodes, positions, terms, now)
    others: dict[int, list[Outlook]] = defaultdict(list)
    for (item_id, _), outlook in outlooks.items():
        others[item_id].append(outlook)
    return [
        Question(
            case_id=case.pk,
            case_version=case.version,
            goods=goods[mine[case.pk][0]],
            place=outlooks[mine[case.pk]],
            others=tuple(
                one for one in others[mine[case.pk][0]] if one.node_id != mine[case.pk][1]
            ),
            at=now,
        )
        for case in cases
    ]


def _waiting() -> QuerySet[ExceptionCase]:
    fresh = Advice.objects.filter(
        case=OuterRef("pk"), case_version=OuterRef("version"), expires_at__gt=clock.now()
    )
    return ExceptionCase.objects.filter(
        ~Exists(fresh),
        status__in=LIVE,
        kind__in=ADVISABLE,
        governed_by="",
        item__isnull=False,
        node__isnull=False,
    )


def _goods(item: Item) -> Goods:
    supplier = item.supplier
    return Goods(
        item_id=item.pk,
        sku=item.sku,
        unit_cost=item.unit_cost,
        unit_price=item.unit_price,
        supplier_id=item.supplier_id,
        supplier=supplier.name if supplier else "",
        lead_time_days=supplier.lead_time_days if supplier else USUAL_LEAD_TIME_DAYS,
        lead_time_sd_days=supplier.lead_time_sd_days if supplier else 0.0,
        pack_size=item.pack_size,
        minimum_order_quantity=item.minimum_order_quantity,
    )


def _outlooks(
    places: Sequence[Place],
    goods: Mapping[int, Goods],
    nodes: Mapping[int, Node],
    positions: Mapping[Place, Position],
    terms: Terms,
    now: datetime,
) -> dict[Place, Outlook]:
    planning = {
        (row.item_id, row.node_id): row
        for row in ItemNode.objects.filter(item_id__in=list(goods), node_id__in=list(nodes))
    }
    inbound = inbound_supply(places)
    room = _room(nodes, inbound)
    learnt = _learnt(places, goods, nodes, terms, now)
    outlooks: dict[Place, Outlook] = {}
    for place in places:
        item_id, node_id = place
        node, plan, position = nodes[node_id], planning.get(place), positions.get(place)
        days = goods[item_id].lead_time_days + terms.review_days
        due = [one for one in inbound[place] if _is_due(one, now + timedelta(days=days))]
        level, cv2, history_days, nonzero_days = learnt[place]
        outlooks[place] = Outlook(
            item_id=item_id,
            node_id=node_id,
            node=node.code,
            on_hand=position.sellable if position else 0,
            promised=position.reserved + position.allocated if position else 0,
            safety_stock=plan.safety_stock if plan else 0,
            reorder_point=plan.reorder_point if plan else None,
            order_up_to=plan.order_up_to if plan else None,
            inbound=sum(one.quantity for one in due),
            inbound_documents=tuple(_document(one) for one in due),
            level=level,
            cv2=cv2,
            history_days=history_days,
            nonzero_days=nonzero_days,
            protection_days=days * _open_share(node),
            open_share=_open_share(node),
            room=room.get(node_id),
            transfer_days=node.transfer_days,
        )
    return outlooks


def _learnt(
    places: Sequence[Place],
    goods: Mapping[int, Goods],
    nodes: Mapping[int, Node],
    terms: Terms,
    now: datetime,
) -> dict[Place, tuple[float, float, int, int]]:
    """Level, spread and length of history of each place, a block of arrays per node.

    What was asked for and not served is reported by the shops, so it counts as demand like what
    was sold; a day of which nothing was reported lost is taken as it is.
    """
    today = now.date()
    since = today - timedelta(days=HISTORY_DAYS)
    rows = demand_days(places, since=since, until=today)
    learnt: dict[Place, tuple[float, float, int, int]] = {}
    for node_id, node in nodes.items():
        mine = [place for place in places if place[1] == node_id]
        days = _open_days(since, today, node.closed_weekdays)
        if not mine or not days:
            learnt.update(dict.fromkeys(mine, (0.0, 0.0, 0, 0)))
            continue
        column = {day: place for place, day in enumerate(days)}
        units = np.zeros((len(mine), len(days)))
        in_stock = np.zeros((len(mine), len(days)), dtype=np.bool_)
        for row, place in enumerate(mine):
            for number, (day, sold, lost, _lines) in enumerate(rows[place]):
                if number == 0:
                    first = next((at for at, one in enumerate(days) if one >= day), len(days))
                    in_stock[row, first:] = True
                if day in column:
                    units[row, column[day]] = max(0, sold + lost)
        levels = demand_levels(units, in_stock, [day.weekday() for day in days], settings=ORDERING)
        spans = [
            max(1.0, (goods[item].lead_time_days + terms.review_days) * _open_share(node))
            for item, _ in mine
        ]
        spread = window_spread(units, in_stock, spans).blended()
        for row, place in enumerate(mine):
            learnt[place] = (
                float(levels.level[row]),
                float(spread[row]),
                int(levels.history_days[row]),
                int(levels.nonzero_days[row]),
            )
    return learnt


def _room(
    nodes: Mapping[int, Node], inbound: Mapping[Place, Iterable[InboundSupply]]
) -> dict[int, int]:
    """Units each limited node can still take, what is on its way counted in."""
    limited = {pk: node.capacity_units for pk, node in nodes.items() if node.capacity_units}
    if not limited:
        return {}
    held = units_at(list(limited))
    coming: dict[int, int] = defaultdict(int)
    for (_, node_id), supply in inbound.items():
        coming[node_id] += sum(one.quantity for one in supply)
    return {
        pk: max(0, (capacity or 0) - held.get(pk, 0) - coming[pk])
        for pk, capacity in limited.items()
    }


def _open_days(since: date, until: date, closed: Collection[int]) -> list[date]:
    span = (until - since).days
    days = (since + timedelta(days=number) for number in range(span))
    return [day for day in days if day.isoweekday() not in closed]


def _open_share(node: Node) -> float:
    return max(1, 7 - len(set(node.closed_weekdays))) / 7


def _is_due(one: InboundSupply, until: datetime) -> bool:
    return one.expected_at is not None and one.expected_at <= until


def _document(one: InboundSupply) -> dict[str, object]:
    return {
        "document": one.document,
        "units": one.quantity,
        "expected_at": one.expected_at.isoformat() if one.expected_at else None,
    }
