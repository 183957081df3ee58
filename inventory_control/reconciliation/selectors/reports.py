"""What other systems last said, and our number beside each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from inventory_control.availability.rules import available_to_sell
from inventory_control.availability.selectors import limited_figures, node_stock
from inventory_control.catalog.models import Channel
from inventory_control.core.places import Place
from inventory_control.events.selectors import is_work_due
from inventory_control.reconciliation.models import Discrepancy, PositionReport
from inventory_control.reconciliation.rules import states_of
from inventory_control.reconciliation.values import (
    AVAILABLE,
    ON_HAND,
    SYSTEMS,
    Ours,
    Reported,
    Terms,
)
from inventory_control.stock.selectors import changes_in, positions_at, positions_of
from inventory_control.stock.states import State
from inventory_control.stock.values import Change, Position, Span

CONSUMER = "reports"
_MEASURES = frozenset({ON_HAND, AVAILABLE, *State.values})


def is_reporting_due() -> bool:
    """Whether reports wait that nobody has taken in yet."""
    return is_work_due(CONSUMER)


def reports_after(pk: int, limit: int) -> list[PositionReport]:
    """A page of last words by id, with their items and nodes."""
    found = PositionReport.objects.select_related("item", "node").filter(pk__gt=pk)
    return list(found.order_by("pk")[:limit])


def reports_of(item_ids: Collection[int]) -> list[Reported]:
    """What every system last said of some items, by system."""
    found = PositionReport.objects.select_related("item", "node").filter(item_id__in=item_ids)
    return [reported(one) for one in found.order_by("system", "node__code", "state")]


def channels_called(codes: Collection[str]) -> dict[str, Channel]:
    """The channels among some names, with the nodes they draw on."""
    found = Channel.objects.prefetch_related("nodes").filter(code__in=set(codes) - set(SYSTEMS))
    return {channel.code: channel for channel in found}


def reported(row: PositionReport) -> Reported:
    """A last word as rules read it."""
    return Reported(
        system=row.system,
        item_id=row.item_id,
        sku=row.item.sku,
        unit_cost=row.item.unit_cost,
        node_id=row.node_id,
        node=row.node.code if row.node else "",
        state=row.state,
        quantity=row.quantity,
        as_of=row.as_of,
        received_at=row.received_at,
    )


def is_comparable(report: Reported, channels: Mapping[str, Channel]) -> bool:
    """Whether we know who speaks and what the number counts."""
    is_known = report.system in SYSTEMS or report.system in channels
    return is_known and (not report.state or report.state in _MEASURES)


def ours_for(
    reports: Sequence[Reported], channels: Mapping[str, Channel], terms: Terms
) -> list[Ours]:
    """Our number for each report, now and since its moment; a few statements for any number."""
    positions = _positions(reports)
    places: dict[int, list[Place]] = defaultdict(list)
    for place in positions:
        places[place[0]].append(place)
    mine = [
        _places_of(report, channels, places.get(report.item_id, ()), positions)
        for report in reports
    ]
    spans: list[Span] = []
    owners: list[int] = []
    for number, report in enumerate(reports):
        measure, lag = measure_of(report, terms), terms.of(report.system).lag
        for item_id, node_id in mine[number]:
            if measure == AVAILABLE and positions[item_id, node_id].is_frozen:
                continue  # nothing may be sold there, whatever moved
            spans.append(
                Span(item_id, node_id, report.as_of - lag, report.as_of, measure == AVAILABLE)
            )
            owners.append(number)
    changes: dict[int, list[Change]] = defaultdict(list)
    for owner, found in zip(owners, changes_in(spans), strict=True):
        changes[owner] += found
    limited = limited_figures({report.item_id for report in reports})
    return [
        Ours(now=shown, since=0, within=(), is_floored=True)
        if report.node_id is None
        and (shown := limited.get((report.item_id, report.system))) is not None
        else _ours(report, mine[number], changes[number], channels, positions, terms)
        for number, report in enumerate(reports)
    ]


def _positions(reports: Sequence[Reported]) -> dict[Place, Position]:
    """The positions some numbers are about: one place each, or all of an item where no node is
    named; a chain of many stores must not be read whole for the word of one.
    """
    whole = sorted({report.item_id for report in reports if report.node_id is None})
    single = [(report.item_id, report.node_id) for report in reports if report.node_id is not None]
    found = positions_of(whole) if whole else {}
    return {**found, **positions_at(single)} if single else found


def measure_of(report: Reported, terms: Terms) -> str:
    """What a report's number counts: as it says, or as its system usually does."""
    return report.state or terms.of(report.system).measure


def _places_of(
    report: Reported,
    channels: Mapping[str, Channel],
    known: Iterable[Place],
    positions: Mapping[Place, Position],
) -> list[Place]:
    """The places a number is about: its node, a channel's nodes, or all that ever held the item."""
    if report.node_id is not None:
        place = (report.item_id, report.node_id)
        return [place] if place in positions else []
    channel = channels.get(report.system)
    if channel is None:
        return list(known)
    drawn = {node.pk for node in channel.nodes.all()}
    return [place for place in known if place[1] in drawn]


def _ours(
    report: Reported,
    places: Sequence[Place],
    changes: Sequence[Change],
    channels: Mapping[str, Channel],
    positions: Mapping[Place, Position],
    terms: Terms,
) -> Ours:
    measure = measure_of(report, terms)
    signs = dict(states_of(measure))
    since = 0
    within: dict[datetime, int] = defaultdict(int)
    for change in changes:
        units = signs.get(change.state, 0) * change.units
        if change.at is None:
            since += units
        else:
            within[change.at] += units
    numbers = [_number(positions[place], measure) for place in places]
    channel = channels.get(report.system)
    is_whole = channel is not None and report.node_id is None
    now = sum(numbers) - (channel.buffer if channel and is_whole else 0)
    return Ours(
        now=now,
        since=since,
        within=tuple(units for _, units in sorted(within.items(), reverse=True)),
        is_floored=measure == AVAILABLE,
    )


def _number(position: Position, measure: str) -> int:
    if measure == AVAILABLE:
        return available_to_sell(node_stock(position))
    return int(getattr(position, measure))


def report_behind(found: Discrepancy) -> Reported | None:
    """The last word a discrepancy is about, or None when it was withdrawn."""
    row = (
        PositionReport.objects.select_related("item", "node")
        .filter(
            system=found.system, item_id=found.item_id, node_id=found.node_id, state=found.state
        )
        .first()
    )
    return None if row is None else reported(row)
