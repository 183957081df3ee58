"""Dead letters and dead work: what was refused, what a consumer gave up on, what to do about it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from inventory_control.catalog import permissions as catalog_permissions
from inventory_control.catalog.services import (
    put_item_identifiers,
    put_node_identifiers,
    put_state_mappings,
)
from inventory_control.catalog.states import Outside, State
from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.events import permissions
from inventory_control.events.models import DeadLetter
from inventory_control.events.selectors import dead_work, open_dead_letters
from inventory_control.events.services import discard, retry_work
from inventory_control.events.states import Outcome
from inventory_control.events.values import LetterFilter
from inventory_control.web.console import ConsoleView
from inventory_control.web.problems import NotFoundError
from inventory_control.web.times import span

PAGE = 50
FILTERS = ("source", "code", "field", "name")
STATE_CHOICES = [*State.choices, *Outside.choices]


class DeadLetterListView(ConsoleView):
    """Refused rows that wait for a person."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page, newest first, of whatever the filter finds."""
        before = request.GET.get("before", "")
        asked = {name: request.GET.get(name, "").strip()[:200] for name in FILTERS}
        letters = open_dead_letters(LetterFilter(**asked))
        if before.isdigit():
            letters = letters.filter(pk__lt=int(before))
        found = list(letters[:PAGE])
        address = reverse("events:dead-letter-list")
        kept = {name: value for name, value in asked.items() if value}
        older = urlencode({**kept, "before": found[-1].pk}) if len(found) == PAGE else None
        context = {
            "rows": [_row(letter) for letter in found],
            "may_act": self.actor.may(permissions.RETRY),
            "may_map": self.actor.may(catalog_permissions.MAP),
            "states": STATE_CHOICES,
            "filters": [{"name": name, "value": asked[name]} for name in FILTERS],
            "kept": kept,
            "told": _told(request),
            "pager": {
                "text": f"{len(found)} on this page",
                "newer_url": f"{address}?{urlencode(kept)}" if before else None,
                "older_url": f"{address}?{older}" if older else None,
            },
            "empty": {
                "icon": "check",
                "title": "No dead letters",
                "text": "Whatever cannot become an event waits here with its reason.",
            },
        }
        return render(request, "events/dead_letters.html", context)


def _row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "letter": letter,
        "what": letter.code.replace("_", " ").capitalize(),
        "age": span(clock.now() - letter.received_at),
        "is_held": letter.outcome == Outcome.HELD,
        "body": bytes(letter.body)[:600].decode("utf-8", "backslashreplace"),
    }


def _told(request: HttpRequest) -> dict[str, int] | None:
    """What became of the rows that were just tried again."""
    tried, taken = request.GET.get("tried", ""), request.GET.get("taken", "")
    if not (tried.isdigit() and taken.isdigit()):
        return None
    return {"tried": int(tried), "taken": int(taken)}


class DeadLetterMapView(ConsoleView):
    """Saying what the unknown name of a row stands for."""

    permission = catalog_permissions.MAP

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Map the name, for its source or for everybody; whatever waits for it then posts."""
        letter = DeadLetter.objects.filter(pk=pk).first()
        if letter is None:
            raise NotFoundError
        means = request.POST.get("means", "").strip()
        source = "" if request.POST.get("everybody") else letter.source
        name = letter.waits_name
        if letter.waits_noun == "item":
            put_item_identifiers([{"value": name, "source": source, "item": means}], by=self.actor)
        elif letter.waits_noun == "node":
            put_node_identifiers([{"value": name, "source": source, "node": means}], by=self.actor)
        elif letter.waits_noun == "state":
            rows = [{"source": letter.source, "code": name, "state": means}]
            put_state_mappings(rows, by=self.actor)
        else:
            raise Refused("This row does not wait for a name.", field="means")
        return redirect("events:dead-letter-list")


class DeadLetterDiscardView(ConsoleView):
    """Giving up a refused row."""

    permission = permissions.RETRY

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Discard it for a reason, then show the list again."""
        letter = DeadLetter.objects.filter(pk=pk).first()
        if letter is None:
            raise NotFoundError
        discard(letter, reason=request.POST.get("reason", ""), by=self.actor)
        return redirect("events:dead-letter-list")


class DeadWorkListView(ConsoleView):
    """Events a consumer gave up on."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page, newest first."""
        before = request.GET.get("before", "")
        found = dead_work(before=int(before) if before.isdigit() else None, limit=PAGE)
        address = reverse("events:dead-work-list")
        context = {
            "rows": found,
            "may_act": self.actor.may(permissions.RETRY),
            "pager": {
                "text": f"{len(found)} on this page",
                "newer_url": address if before else None,
                "older_url": f"{address}?before={found[-1].pk}" if len(found) == PAGE else None,
            },
            "empty": {
                "icon": "check",
                "title": "Every consumer is through",
                "text": "An event that a consumer fails at five times waits here; others go on.",
            },
        }
        return render(request, "events/dead_work.html", context)


class DeadWorkRetryView(ConsoleView):
    """Having it tried again."""

    permission = permissions.RETRY

    def post(self, _request: HttpRequest, pk: int) -> HttpResponse:
        """Try it again, then show the list."""
        retry_work([pk], by=self.actor)
        return redirect("events:dead-work-list")
