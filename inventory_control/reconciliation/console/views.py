"""The pages of reconciliation: how far systems are apart, one difference, one picture of an item."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from inventory_control.catalog.models import Item
from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.people.selectors import names_of
from inventory_control.reconciliation import permissions
from inventory_control.reconciliation.models import Discrepancy
from inventory_control.reconciliation.selectors import (
    comparisons,
    control_totals,
    day_figures,
    discrepancy_page,
    offenders,
    picture_of,
    sign_offs,
    trends,
    worst_discrepancies,
)
from inventory_control.reconciliation.services import (
    compare,
    decide_remedy,
    settle,
    sign_off,
)
from inventory_control.reconciliation.states import LIVE, Path, RemedyStatus
from inventory_control.reconciliation.values import Trend
from inventory_control.stock import permissions as stock
from inventory_control.web.console import ConsoleView, vary_on_htmx

RUNS, DAYS = 10, 30
WIDTH, HEIGHT = 120, 24
TONES = {"open": "med", "answered": "acc", "matched": "ok", "accepted": ""}
NOTHING_OPEN = {
    "icon": "check",
    "title": "Nothing disagrees",
    "text": "A difference that time does not explain appears here with its money. Systems report "
    "their numbers through the API.",
}


class OverviewView(ConsoleView):
    """Runs, open differences, drift, control totals, sign-off."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """The whole page."""
        now = clock.now()
        since = now - timedelta(days=DAYS)
        signed = sign_offs(limit=RUNS)
        names = names_of({one.signed_by for one in signed})
        context = {
            "runs": comparisons(limit=RUNS),
            "rows": [_row(one) for one in worst_discrepancies()],
            "trends": [_trend(one) for one in trends(since)],
            "offenders": offenders(since),
            "totals": control_totals(status="open", limit=RUNS),
            "signed": [{"one": one, "name": names.get(one.signed_by, "")} for one in signed],
            "today": now.date(),
            "figures": day_figures(now.date()),
            "is_signed": any(one.day == now.date() for one in signed),
            "may_compare": self.actor.may(permissions.COMPARE),
            "may_sign": self.actor.may(permissions.SIGN),
            "empty": NOTHING_OPEN,
            "days": DAYS,
        }
        return render(request, "reconciliation/overview.html", context)


class CompareView(ConsoleView):
    """Running a comparison now."""

    permission = permissions.COMPARE

    def post(self, _request: HttpRequest) -> HttpResponse:
        """Compare, then show what came of it."""
        compare(by=self.actor)
        return redirect("reconciliation:overview")


class SignOffView(ConsoleView):
    """Signing a day off."""

    permission = permissions.SIGN

    def post(self, request: HttpRequest) -> HttpResponse:
        """Sign, then show the days signed."""
        try:
            day = date.fromisoformat(request.POST.get("day", ""))
        except ValueError:
            raise Refused("day is a date such as 2026-03-01.", field="day") from None
        sign_off(day=day, note=request.POST.get("note", ""), by=self.actor)
        return redirect("reconciliation:overview")


class DiscrepancyDetailView(ConsoleView):
    """One difference: how it is made, why it may be, what was done."""

    permission = permissions.READ

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The whole page."""
        page = discrepancy_page(pk)
        found = page.discrepancy
        remedies = sorted(found.remedies.all(), key=lambda one: one.pk)
        efforts = sorted(found.efforts.all(), key=lambda one: one.pk)
        names = names_of(
            {one.proposed_by for one in remedies}
            | {one.decided_by for one in remedies}
            | {one.logged_by for one in efforts}
        )
        context = {
            **_row(found),
            "page": page,
            "remedies": [
                {
                    "one": one,
                    "by": names.get(one.proposed_by, one.proposed_by),
                    "decided_by": names.get(one.decided_by, ""),
                    "command": page.commands.get(one.pk),
                    "may_decide": one.status_value == RemedyStatus.PROPOSED
                    and self.actor.may(permissions.APPROVE)
                    and one.proposer != str(self.actor.person or self.actor.id),
                }
                for one in remedies
            ],
            "efforts": [
                {"one": one, "by": names.get(one.logged_by, one.logged_by)} for one in efforts
            ],
            "paths": [
                {"value": path.value, "label": path.label}
                for path in Path
                if path != Path.CORRECT_LEDGER or found.node_id is not None
            ],
            "may_settle": found.status_value in LIVE and self.actor.may(permissions.RESOLVE),
            "picture_url": reverse("reconciliation:item-picture", args=[found.item.sku]),
        }
        return render(request, "reconciliation/discrepancy.html", context)


class SettleView(ConsoleView):
    """Choosing a way out."""

    permission = permissions.RESOLVE

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Do it, then show the difference again."""
        minutes = request.POST.get("minutes", "").strip() or "0"
        if not minutes.isdecimal() or len(minutes) > 4:
            raise Refused("minutes is a whole number.", field="minutes")
        settle(
            discrepancy_id=pk,
            path=request.POST.get("path", ""),
            reason=request.POST.get("reason", ""),
            minutes=int(minutes),
            by=self.actor,
        )
        return redirect("reconciliation:discrepancy-detail", pk)


class RemedyDecideView(ConsoleView):
    """A second person's word."""

    permission = permissions.APPROVE

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Decide, then show the difference again."""
        remedy = decide_remedy(
            remedy_id=pk,
            verdict=request.POST.get("verdict", ""),
            reason=request.POST.get("reason", ""),
            by=self.actor,
        )
        return redirect("reconciliation:discrepancy-detail", remedy.discrepancy_id)


class PictureView(ConsoleView):
    """The ledger beside what every system last said of an item: a fragment of other pages."""

    permission = stock.READ

    def get(self, request: HttpRequest, sku: str) -> HttpResponse:
        """The panel; the item's page and a case's page load it."""
        item = Item.objects.filter(sku=sku).first()
        if item is None:
            raise Http404
        panels = [
            {"where": panel.where, "figures": [_aged(one) for one in panel.figures]}
            for panel in picture_of(item)
        ]
        context = {"item": item, "panels": panels}
        return vary_on_htmx(render(request, "reconciliation/_picture.html", context))


def _row(found: Discrepancy) -> dict[str, Any]:
    return {
        "one": found,
        "tone": TONES[found.status_value],
        "where": found.node.code if found.node else "all nodes",
        "url": reverse("reconciliation:discrepancy-detail", args=[found.pk]),
    }


def _trend(one: Trend) -> dict[str, Any]:
    """A system's drift as a line: time to the right, units up."""
    return {"one": one, "line": _polyline(one.points), "agreed": one.runs - one.off_runs}


def _polyline(points: Sequence[tuple[datetime, int]]) -> str:
    """The corners of a line inside WIDTH by HEIGHT, the highest value at the top."""
    highest = max((units for _, units in points), default=0) or 1
    step = WIDTH / max(1, len(points) - 1)
    return " ".join(
        f"{number * step:.1f},{HEIGHT - 2 - units / highest * (HEIGHT - 4):.1f}"
        for number, (_, units) in enumerate(points)
    )


def _aged(figure: Any) -> dict[str, Any]:
    """A figure with its age in words."""
    days, minutes = divmod(figure.age_minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    age = (
        f"{days} d {hours} h" if days else f"{hours} h {minutes:02d}" if hours else f"{minutes} min"
    )
    return {"one": figure, "age": age, "measure": figure.measure.replace("_", " ")}
