"""Sources: who sends what, who answers for it, how well and how lately."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from inventory_control.core import clock
from inventory_control.events import permissions
from inventory_control.events.models import QualityDay, Source
from inventory_control.events.rules import is_silent
from inventory_control.events.selectors import (
    events_of_source,
    policy_of,
    quality_trend,
    sources,
)
from inventory_control.events.values import DATA_QUALITY
from inventory_control.web.console import ConsoleView

PAGE = 50
TREND_DAYS = 28
BAR, GAP, HEIGHT = 5, 1, 24
"""Pixels of the trend: a bar a day, its height the score."""


class SourceListView(ConsoleView):
    """Every source with its score, trend and last word."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page of sources, by code."""
        after = request.GET.get("after", "").replace("\0", "")
        found = sources(after=after, limit=PAGE + 1)
        shown = found[:PAGE]
        today = clock.now().date()
        first = today - timedelta(days=TREND_DAYS - 1)
        trend = quality_trend([one.code for one in shown], since=first)
        limit = float(policy_of(DATA_QUALITY).value["limit"])
        address = reverse("sources:source-list")
        context = {
            "rows": [_row(one, trend[one.code], first, limit) for one in shown],
            "limit": limit,
            "days": TREND_DAYS,
            "width": TREND_DAYS * (BAR + GAP),
            "height": HEIGHT,
            "pager": {
                "text": f"{len(shown)} on this page",
                "newer_url": address if after else None,
                "newer_label": "First page",
                "older_url": f"{address}?{urlencode({'after': shown[-1].code})}"
                if len(found) > PAGE
                else None,
                "older_label": "Next page",
            },
            "empty": {
                "icon": "plug",
                "title": "No source has spoken yet",
                "text": "Whoever sends events is listed here from the first one on.",
            },
        }
        return render(request, "events/sources.html", context)


class SourceDetailView(ConsoleView):
    """What one source sent, by one credential or all of them."""

    permission = permissions.READ

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A page of its events, newest first."""
        source = Source.objects.filter(pk=pk).first()
        if source is None:
            raise Http404
        alias = request.GET.get("received_from", "").replace("\0", "")
        before = request.GET.get("before", "")
        found = events_of_source(
            source.code,
            received_from=alias,
            before=int(before) if before.isdigit() else None,
            limit=PAGE,
        )
        address = reverse("sources:source-detail", args=[pk])
        kept = {"received_from": alias} if alias else {}
        older = urlencode({**kept, "before": found[-1].pk}) if len(found) == PAGE else ""
        context = {
            "source": source,
            "alias": alias,
            "rows": found,
            "pager": {
                "text": f"{len(found)} on this page",
                "newer_url": f"{address}?{urlencode(kept)}" if before else None,
                "older_url": f"{address}?{older}" if older else None,
            },
            "empty": {
                "icon": "plug",
                "title": "Nothing came from here",
                "text": "No event of this source, or none by that credential.",
            },
        }
        return render(request, "events/source.html", context)


def _row(source: Source, days: list[QualityDay], first: date, limit: float) -> dict[str, Any]:
    now = clock.now()
    last = days[-1] if days else None
    silent = source.silent_since
    is_stale = is_silent(silent, source.expected_minutes, now)
    return {
        "source": source,
        "url": reverse("sources:source-detail", args=[source.pk]),
        "is_stale": is_stale,
        "silent_minutes": int((now - silent).total_seconds() // 60) if silent else None,
        "last": last,
        "is_bad": last is not None and last.score < limit,
        "shares": [
            (name, getattr(last, name))
            for name in ("completeness", "validity", "timeliness", "uniqueness")
        ]
        if last
        else [],
        "bars": [_bar(one, first, limit) for one in days],
        "trend_words": ", ".join(f"{one.day:%-d %b} {one.score:.2f}" for one in days),
    }


def _bar(one: QualityDay, first: date, limit: float) -> dict[str, Any]:
    height = max(1, round(one.score * HEIGHT))
    return {
        "x": (one.day - first).days * (BAR + GAP),
        "y": HEIGHT - height,
        "width": BAR,
        "height": height,
        "tone": "crit" if one.score < limit else "ok",
    }
