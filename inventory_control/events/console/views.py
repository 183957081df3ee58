"""Dead letters and dead work: what was refused, what a consumer gave up on, what to do about it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from inventory_control.core.errors import Refused
from inventory_control.events import permissions
from inventory_control.events.models import DeadLetter
from inventory_control.events.selectors import dead_work, open_dead_letters
from inventory_control.events.services import discard, retry_work
from inventory_control.web.console import ConsoleView
from inventory_control.web.problems import NotFoundError

PAGE = 50


class DeadLetterListView(ConsoleView):
    """Refused rows that wait for a person."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page, newest first."""
        before = request.GET.get("before", "")
        letters = open_dead_letters()
        if before.isdigit():
            letters = letters.filter(pk__lt=int(before))
        found = list(letters[:PAGE])
        address = reverse("events:dead-letter-list")
        context = {
            "rows": [
                {
                    "letter": letter,
                    "body": bytes(letter.body)[:600].decode("utf-8", "backslashreplace"),
                }
                for letter in found
            ],
            "may_act": self.actor.may(permissions.RETRY),
            "pager": {
                "text": f"{len(found)} on this page",
                "newer_url": address if before else None,
                "older_url": f"{address}?before={found[-1].pk}" if len(found) == PAGE else None,
            },
            "empty": {
                "icon": "check",
                "title": "No dead letters",
                "text": "Whatever cannot become an event waits here with its reason.",
            },
        }
        return render(request, "events/dead_letters.html", context)


class DeadLetterDiscardView(ConsoleView):
    """Giving up a refused row."""

    permission = permissions.RETRY

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Discard it for a reason, then show the list again."""
        letter = DeadLetter.objects.filter(pk=pk).first()
        if letter is None:
            raise NotFoundError
        reason = request.POST.get("reason", "").strip()
        if not reason:
            raise Refused("Say why this row is given up.", field="reason")
        discard(letter, reason=reason, by=self.actor)
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
