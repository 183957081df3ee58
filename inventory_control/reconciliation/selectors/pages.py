"""Questions that pages and programs ask: runs, discrepancies, drift, the figures of a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Abs

from inventory_control.outbox.models import OutboundCommand
from inventory_control.policies.selectors import current_policy
from inventory_control.reconciliation.errors import UnknownDiscrepancyError
from inventory_control.reconciliation.models import (
    Comparison,
    ControlTotal,
    Discrepancy,
    DriftLine,
    DriftPoint,
    Effort,
    SignOff,
)
from inventory_control.reconciliation.rules import POLICY, terms_of
from inventory_control.reconciliation.selectors.evidence import causes_for, facts_for
from inventory_control.reconciliation.states import LIVE, TotalStatus
from inventory_control.reconciliation.values import Cause, Trend

_STATUSES = {"live": LIVE, "open": ("open",), "answered": ("answered",), "matched": ("matched",),
             "accepted": ("accepted",), "closed": ("matched", "accepted"), "any": None}  # fmt: skip
STATUSES = tuple(_STATUSES)


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What a day's sign-off rests on: `open` and `untied_totals` are as they stand now."""

    comparisons: int
    compared: int
    open: int
    value: Decimal
    untied_totals: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Offender:
    """An item (at a node) a system is often off by, over some time."""

    system: str
    sku: str
    node: str
    runs: int
    units: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class DiscrepancyPage:
    """One discrepancy with why it may be, how often it was so before, and what was sent."""

    discrepancy: Discrepancy
    causes: tuple[Cause, ...]
    earlier: int
    minutes: int
    commands: Mapping[int, OutboundCommand]


def comparisons(*, before: int | None = None, limit: int = 50) -> list[Comparison]:
    """A page of runs, latest first."""
    found = Comparison.objects.prefetch_related("points")
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


def comparison(pk: int) -> Comparison | None:
    """One run with its points, or None."""
    return Comparison.objects.prefetch_related("points").filter(pk=pk).first()


def discrepancies(
    *,
    status: str = "live",
    system: str = "",
    sku: str = "",
    node: str = "",
    before: int | None = None,
    limit: int = 50,
) -> list[Discrepancy]:
    """A page of discrepancies, latest first."""
    found = Discrepancy.objects.select_related("item", "node")
    wanted = _STATUSES[status]
    if wanted is not None:
        found = found.filter(status__in=wanted)
    for field, value in (("system", system), ("item__sku", sku), ("node__code", node)):
        if value:
            found = found.filter(**{field: value})
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


def worst_discrepancies(limit: int = 50) -> list[Discrepancy]:
    """Live discrepancies, most money first."""
    live = Discrepancy.objects.filter(status__in=LIVE).select_related("item", "node")
    return list(live.order_by("-value", "-pk")[:limit])


def live_count() -> int:
    """How many discrepancies are live, at most a thousand: beyond that it says "many"."""
    return Discrepancy.objects.filter(status__in=LIVE)[:1_000].count()


def discrepancy_page(pk: int) -> DiscrepancyPage:
    """One discrepancy with everything around it; raises `UnknownDiscrepancyError`."""
    found = (
        Discrepancy.objects.select_related("item", "node")
        .prefetch_related("remedies", "efforts")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise UnknownDiscrepancyError(f"There is no discrepancy {pk}.")
    terms = terms_of(current_policy(POLICY).value)
    sent = OutboundCommand.objects.filter(
        subject_kind="remedy", subject_id__in=[str(one.pk) for one in found.remedies.all()]
    )
    return DiscrepancyPage(
        discrepancy=found,
        causes=causes_for([found], terms)[found.pk],
        earlier=facts_for(found, terms).earlier,
        minutes=sum(one.minutes for one in found.efforts.all()),
        commands={int(command.subject_id): command for command in sent},
    )


def trends(since: datetime) -> list[Trend]:
    """How far each system was off since a moment, the worst first, with a point a run."""
    rows = (
        DriftPoint.objects.filter(comparison__started_at__gte=since)
        .order_by("system", "comparison__started_at", "pk")
        .values_list("system", "comparison__started_at", "off", "units", "value")
    )
    by_system: dict[str, list[tuple[datetime, int, int, Decimal]]] = defaultdict(list)
    for system, at, off, units, value in rows:
        by_system[system].append((at, off, units, value))
    found = [
        Trend(
            system=system,
            runs=len(points),
            off_runs=sum(1 for _, off, _, _ in points if off),
            units=points[-1][2],
            value=points[-1][3],
            points=tuple((at, units) for at, _, units, _ in points),
        )
        for system, points in by_system.items()
    ]
    return sorted(found, key=lambda one: (-one.value, -one.units, one.system))


def offenders(since: datetime, *, limit: int = 20) -> list[Offender]:
    """The items systems are most off by since a moment, by money over all runs."""
    rows = (
        DriftLine.objects.filter(comparison__started_at__gte=since)
        .values("system", "item__sku", "node__code")
        .annotate(runs=Count("pk"), units=Sum(Abs("units")), value=Sum("value"))
        .order_by("-value", "-units", "system", "item__sku")[:limit]
    )
    return [
        Offender(
            row["system"],
            row["item__sku"],
            row["node__code"] or "",
            row["runs"],
            row["units"],
            row["value"],
        )
        for row in rows
    ]


def sign_offs(limit: int = 50) -> list[SignOff]:
    """Days signed off, latest first."""
    return list(SignOff.objects.order_by("-day")[:limit])


def day_figures(day: date) -> DayFigures:
    """What was compared on a day (UTC), and what is open now."""
    start = datetime.combine(day, time(), tzinfo=UTC)
    end = start + timedelta(days=1)
    runs: dict[str, Any] = Comparison.objects.filter(
        started_at__gte=start, started_at__lt=end
    ).aggregate(runs=Count("pk"), compared=Sum("compared"))
    live: dict[str, Any] = _live().aggregate(open=Count("pk"), value=Sum("value"))
    minutes: dict[str, Any] = Effort.objects.filter(
        logged_at__gte=start, logged_at__lt=end
    ).aggregate(minutes=Sum("minutes"))
    return DayFigures(
        comparisons=runs["runs"],
        compared=runs["compared"] or 0,
        open=live["open"],
        value=live["value"] or Decimal(0),
        untied_totals=ControlTotal.objects.filter(status=TotalStatus.OPEN).count(),
        minutes=minutes["minutes"] or 0,
    )


def _live() -> QuerySet[Discrepancy]:
    return Discrepancy.objects.filter(status__in=LIVE)
