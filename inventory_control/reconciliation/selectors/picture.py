"""One picture of an item: the ledger beside what every system last said, with its age (LED-30)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory_control.catalog.models import Item, Node
from inventory_control.core import clock
from inventory_control.policies.selectors import current_policy
from inventory_control.reconciliation.rules import POLICY, gap_of, odd_ones, terms_of
from inventory_control.reconciliation.selectors.reports import (
    channels_called,
    is_comparable,
    measure_of,
    ours_for,
    reports_of,
)
from inventory_control.reconciliation.values import LEDGER, Reported, Said
from inventory_control.stock.selectors import positions_of
from inventory_control.stock.values import Position


@dataclass(frozen=True, slots=True)
class Figure:
    """One number about an item at a place: whose, how old, and whether it is the odd one out."""

    system: str
    quantity: int
    measure: str
    as_of: datetime
    received_at: datetime | None
    age_minutes: int
    ledger: int
    off: int
    is_odd: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """Every figure about an item at one node, or over several (`where` names the channel)."""

    where: str
    figures: tuple[Figure, ...]


def picture_of(item: Item) -> list[Panel]:
    """What the ledger and every system say of an item, place by place; a fixed number of queries.

    Numbers over all nodes stand together; what a channel that draws on one node says stands beside
    that node's.
    """
    terms = terms_of(current_policy(POLICY).value)
    reports = reports_of([item.pk])
    channels = channels_called({report.system for report in reports})
    known = [report for report in reports if is_comparable(report, channels)]
    positions = {node: position for (_, node), position in positions_of([item.pk]).items()}
    nodes = Node.objects.in_bulk(
        {*positions, *(report.node_id for report in known if report.node_id)}
    )
    drawn = {code: [node.pk for node in one.nodes.all()] for code, one in channels.items()}
    rows: dict[tuple[int | None, str], list[tuple[Said, int]]] = defaultdict(list)
    for node_id, position in positions.items():
        rows[node_id, nodes[node_id].code].append(_ledger_row(position))
    for report, ours in zip(known, ours_for(known, channels, terms), strict=True):
        gap = gap_of(report.quantity, ours)
        said = Said(
            system=report.system,
            quantity=report.quantity,
            measure=measure_of(report, terms),
            as_of=report.as_of,
            received_at=report.received_at,
            off=gap.unexplained,
        )
        rows[_where(report, nodes, drawn)].append((said, gap.now))
    now = clock.now()
    return [
        Panel(where, _figures(found, now))
        for (_, where), found in sorted(rows.items(), key=lambda row: row[0][1])
    ]


def _where(
    report: Reported, nodes: Mapping[int, Node], drawn: Mapping[str, Sequence[int]]
) -> tuple[int | None, str]:
    if report.node_id is not None:
        return report.node_id, nodes[report.node_id].code
    mine = drawn.get(report.system, ())
    if len(mine) == 1 and mine[0] in nodes:
        return mine[0], nodes[mine[0]].code
    return None, "all nodes"


def _ledger_row(position: Position) -> tuple[Said, int]:
    at = position.changed_at or clock.now()
    said = Said(LEDGER, position.on_hand, "on_hand", at, at, 0)
    return said, position.on_hand


def _figures(found: Sequence[tuple[Said, int]], now: datetime) -> tuple[Figure, ...]:
    """The figures of a place with the odd one marked."""
    marked = odd_ones([said for said, _ in found])
    return tuple(
        Figure(
            system=one.system,
            quantity=one.quantity,
            measure=one.measure,
            as_of=one.as_of,
            received_at=one.received_at,
            age_minutes=max(0, int((now - one.as_of).total_seconds() // 60)),
            ledger=ledger,
            off=one.off,
            is_odd=one.is_odd,
        )
        for one, (_, ledger) in zip(marked, found, strict=True)
    )
