"""Sources: who sends what, who answers for it, how well and how lately."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from inventory_control.audit.selectors import timeline_of
from inventory_control.core import clock
from inventory_control.core.errors import DomainError
from inventory_control.events import permissions
from inventory_control.events.errors import InvalidSourceError
from inventory_control.events.models import QualityDay, Source
from inventory_control.events.rules import is_silent
from inventory_control.events.selectors import (
    events_of_source,
    policy_of,
    quality_trend,
    sources,
)
from inventory_control.events.services import put_sources
from inventory_control.events.values import DATA_QUALITY
from inventory_control.people.selectors import names_of
from inventory_control.web.console import ConsoleView
from inventory_control.web.times import span

PAGE = 50
CHANGES = 10
SHARES = ("completeness", "validity", "timeliness", "uniqueness")
TREND_DAYS = 28
BAR, GAP, HEIGHT = 5, 1, 20
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
            "share_names": SHARES,
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
        source = _found(pk)
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
        first = clock.now().date() - timedelta(days=TREND_DAYS - 1)
        trend = quality_trend([source.code], since=first)[source.code]
        may_manage = self.actor.may(permissions.MANAGE_SOURCES)
        context = {
            **_row(source, trend, first, float(policy_of(DATA_QUALITY).value["limit"])),
            "alias": alias,
            "days": TREND_DAYS,
            "width": TREND_DAYS * (BAR + GAP),
            "height": HEIGHT,
            "changes": _changes(source),
            "may_manage": may_manage,
            "dialogs": [_dialog(source, {})] if may_manage else [],
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


class SourceChangeView(ConsoleView):
    """Saying who answers for a source, and how often it is expected to speak."""

    permission = permissions.MANAGE_SOURCES

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Keep it and show the page anew; a refusal answers the form with what was typed."""
        source, said = _found(pk), request.POST
        try:
            put_sources(
                [
                    {
                        "code": source.code,
                        "owner": said.get("owner", "").strip(),
                        "expected_minutes": _minutes(said.get("expected_minutes", "")),
                    }
                ],
                by=self.actor,
            )
        except DomainError as error:
            if error.status not in {409, 422}:
                raise
            confirm = {**_dialog(source, said), "error": error.detail}
            form = "console/_confirm_form.html"
            return render(request, form, {"confirm": confirm}, status=422)
        page = reverse("sources:source-detail", args=[pk])
        if getattr(request, "htmx", False):
            return HttpResponse(status=204, headers={"HX-Redirect": page})
        return redirect(page)


def _found(pk: int) -> Source:
    source = Source.objects.filter(pk=pk).first()
    if source is None:
        raise Http404
    return source


def _minutes(text: str) -> int | None:
    said = text.strip()
    if not said:
        return None
    if not said.isdecimal() or len(said) > 9:
        raise InvalidSourceError(
            "Minutes are a whole number; leave them empty when nobody minds its silence.",
            field="expected_minutes",
        )
    return int(said)


def _dialog(source: Source, said: Mapping[str, str]) -> dict[str, Any]:
    expected = "" if source.expected_minutes is None else str(source.expected_minutes)
    return {
        "id": "answers",
        "title": f"Who answers for {source.code}",
        "verb": "Save",
        "text": "A source that is silent for longer than expected opens an exception.",
        "action_url": reverse("sources:source-change", args=[source.pk]),
        "fields": [
            {
                "name": "owner",
                "label": "Owner",
                "value": said.get("owner", source.owner),
                "help": "A person or a team; empty when nobody answers for it yet.",
            },
            {
                "name": "expected_minutes",
                "label": "Expected every (minutes)",
                "value": said.get("expected_minutes", expected),
                "help": "Empty: nobody minds its silence. Counting starts anew when you save.",
            },
        ],
    }


def _changes(source: Source) -> list[dict[str, Any]]:
    """Who said what of it, newest first."""
    entries = timeline_of(("source", source.code), limit=CHANGES)
    names = names_of({entry.actor_id for entry in entries})
    return [
        {
            "at": entry.at,
            "who": names.get(entry.actor_id) or entry.actor_name,
            "owner": entry.data.get("owner"),
            "minutes": entry.data.get("expected_minutes"),
            "has_minutes": "expected_minutes" in entry.data,
        }
        for entry in entries
    ]


def _row(source: Source, days: list[QualityDay], first: date, limit: float) -> dict[str, Any]:
    now = clock.now()
    last = days[-1] if days else None
    silent = source.silent_since
    is_stale = is_silent(silent, source.expected_minutes, now)
    return {
        "source": source,
        "url": reverse("sources:source-detail", args=[source.pk]),
        "is_stale": is_stale,
        "silent": span(now - silent) if silent else "",
        "last": last,
        "is_bad": last is not None and last.score < limit,
        "shares": [(name, getattr(last, name)) for name in SHARES] if last else [],
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
