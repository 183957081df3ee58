"""What detection is shown: everything that disagrees about an item at a place, as one risk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from inventory_control.catalog.models import Channel, Node
from inventory_control.core.sql import is_so
from inventory_control.orders.selectors import open_transfers
from inventory_control.people.selectors import members_by_role
from inventory_control.policies.selectors import current_policy
from inventory_control.reconciliation.models import Discrepancy
from inventory_control.reconciliation.rules import POLICY, gap_of, odd_ones, terms_of
from inventory_control.reconciliation.selectors.evidence import causes_for
from inventory_control.reconciliation.selectors.reports import (
    channels_called,
    is_comparable,
    measure_of,
    ours_for,
    reports_of,
)
from inventory_control.reconciliation.states import LIVE
from inventory_control.reconciliation.values import (
    LEDGER,
    Cause,
    Mismatch,
    MismatchLine,
    Reported,
    Said,
    Terms,
    Transfer,
)

MOST_EXPLAINED = 200
"""Causes are looked for of so many discrepancies, those with most money; a page looks for its own."""
Spot = tuple[int, int | None, str]
"""Item, node (None when several are meant) and what the place is called."""

_HAS_NEWS = """
    SELECT EXISTS (SELECT FROM reconciliation_discrepancy WHERE is_news)
           OR EXISTS (SELECT FROM reconciliation_controltotal WHERE is_news)
"""


def has_news() -> bool:
    """Whether discrepancies or control totals changed since detection looked."""
    return is_so(_HAS_NEWS)


def mismatches() -> list[Mismatch]:
    """Every place whose numbers disagree materially; a constant number of queries.

    A channel that draws on one node disagrees about that node, so that what the till, the
    warehouse and the channel say of it is one risk.
    """
    live = list(
        Discrepancy.objects.filter(status__in=LIVE).select_related("item", "node").order_by("pk")
    )
    if not live:
        return []
    terms = terms_of(current_policy(POLICY).value)
    items = sorted({one.item_id for one in live})
    reports = reports_of(items)
    channels = channels_called({one.system for one in live} | {report.system for report in reports})
    spots: dict[Spot, list[Discrepancy]] = defaultdict(list)
    for one in live:
        spots[_spot(one.system, one.item_id, one.node, channels)].append(one)
    said = _said(reports, channels, terms)
    transfers = _transfers(items)
    worst = sorted(live, key=lambda one: -one.value)[:MOST_EXPLAINED]
    causes = causes_for(worst, terms)
    owners = members_by_role({terms.of(one.system).owner for one in live})
    return [
        _mismatch(spot, found, said.get(spot, ()), transfers, causes, terms, owners)
        for spot, found in spots.items()
    ]


def root_causes(references: Sequence[str]) -> dict[str, str]:
    """Why the risks of some references ended, in the words of their discrepancies."""
    ids = {reference: reference.removeprefix("RC-") for reference in references}
    wanted = [int(number) for number in ids.values() if number.isdigit()]
    causes = dict(
        Discrepancy.objects.filter(pk__in=wanted)
        .exclude(root_cause="")
        .values_list("pk", "root_cause")
    )
    return {
        reference: causes[int(number)]
        for reference, number in ids.items()
        if number.isdigit() and int(number) in causes
    }


def spots_of(found: Iterable[Discrepancy]) -> dict[int, Spot]:
    """The places some discrepancies are about, by their ids."""
    asked = list(found)
    channels = channels_called({one.system for one in asked})
    return {one.pk: _spot(one.system, one.item_id, one.node, channels) for one in asked}


def _spot(system: str, item_id: int, node: Node | None, channels: Mapping[str, Channel]) -> Spot:
    if node is not None:
        return (item_id, node.pk, node.code)
    channel = channels.get(system)
    nodes = list(channel.nodes.all()) if channel else []
    if len(nodes) == 1:
        return (item_id, nodes[0].pk, nodes[0].code)
    return (item_id, None, system)


def _said(
    reports: Sequence[Reported], channels: Mapping[str, Channel], terms: Terms
) -> dict[Spot, list[Said]]:
    """Who said what of each place, compared with the ledger as it is now."""
    known = [report for report in reports if is_comparable(report, channels)]
    nodes = Node.objects.in_bulk({report.node_id for report in known if report.node_id})
    said: dict[Spot, list[Said]] = defaultdict(list)
    for report, ours in zip(known, ours_for(known, channels, terms), strict=True):
        node = nodes.get(report.node_id) if report.node_id else None
        said[_spot(report.system, report.item_id, node, channels)].append(
            Said(
                system=report.system,
                quantity=report.quantity,
                measure=measure_of(report, terms),
                as_of=report.as_of,
                received_at=report.received_at,
                off=gap_of(report.quantity, ours).unexplained,
            )
        )
    return said


def _transfers(items: Sequence[int]) -> dict[int, list[tuple[int, Transfer]]]:
    found: dict[int, list[tuple[int, Transfer]]] = defaultdict(list)
    for one in open_transfers(items):
        told = Transfer(
            number=one.number,
            from_node=one.from_node.code,
            to_node=one.to_node.code,
            quantity=one.quantity,
            shipped=one.shipped,
            status=one.status_value,
        )
        found[one.item_id].append((one.to_node_id, told))
    return found


def _ledger(one: Discrepancy) -> Said:
    """The ledger's own word, as the reference the others are off from."""
    return Said(
        system=LEDGER,
        quantity=one.ledger,
        measure="",
        as_of=one.last_seen_at,
        received_at=None,
        off=0,
    )


def _mismatch(
    spot: Spot,
    found: Sequence[Discrepancy],
    said: Iterable[Said],
    transfers: Mapping[int, Sequence[tuple[int, Transfer]]],
    causes: Mapping[int, tuple[Cause, ...]],
    terms: Terms,
    owners: Mapping[str, str],
) -> Mismatch:
    item_id, node_id, where = spot
    lines = tuple(
        MismatchLine(
            discrepancy_id=one.pk,
            system=one.system,
            reported=one.reported,
            ledger=one.ledger,
            explained=one.explained,
            unexplained=one.unexplained,
            value=one.value,
            as_of=one.as_of,
        )
        for one in found
    )
    role = terms.of(found[0].system).owner
    return Mismatch(
        item_id=item_id,
        sku=found[0].item.sku,
        node_id=node_id,
        where=where,
        owner=owners.get(role, ""),
        owner_role=role,
        lines=lines,
        said=tuple(odd_ones([_ledger(found[0]), *said])),
        transfers=tuple(
            told
            for to_node_id, told in transfers.get(item_id, ())
            if node_id is None or to_node_id == node_id
        ),
        causes=tuple(cause for one in found for cause in causes.get(one.pk, ())),
        is_oversold=any(one.unexplained > 0 and one.system not in terms.systems for one in found),
    )
