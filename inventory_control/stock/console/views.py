"""Dead letters that go on: tried again, one or all that were found, or released."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from inventory_control.core.errors import Refused
from inventory_control.events import permissions
from inventory_control.events.values import LetterFilter
from inventory_control.stock.services import Retried, release_letter, retry_found, retry_letter
from inventory_control.web.console import ConsoleView

_TAKEN = frozenset({"posted", "noted", "duplicate"})
FILTERS = ("source", "code", "field", "name")


class LetterRetryView(ConsoleView):
    """A refused row, tried again."""

    permission = permissions.RETRY

    def post(self, _request: HttpRequest, pk: int) -> HttpResponse:
        """Try it, then show the list: refused again, it stands there with its new reason."""
        return _back([retry_letter(pk, by=self.actor)], {})


class LettersRetryView(ConsoleView):
    """Whatever a filter finds, tried again."""

    permission = permissions.RETRY

    def post(self, request: HttpRequest) -> HttpResponse:
        """Try them, then show what is left of them."""
        asked = {name: request.POST.get(name, "").strip() for name in FILTERS}
        asked = {name: value for name, value in asked.items() if value}
        if not asked:
            raise Refused("Filter first: not everything is tried again at once.", field="filter")
        return _back(retry_found(LetterFilter(**asked), by=self.actor), asked)


class LetterReleaseView(ConsoleView):
    """A row held as a suspected duplicate."""

    permission = permissions.RETRY

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let it post for a reason, then show the list again."""
        reason = request.POST.get("reason", "").strip()
        return _back([release_letter(pk, reason=reason, by=self.actor)], {})


def _back(retried: Sequence[Retried], asked: dict[str, str]) -> HttpResponse:
    taken = sum(one.outcome in _TAKEN for one in retried)
    told = {**asked, "tried": str(len(retried)), "taken": str(taken)}
    return redirect(f"{reverse('events:dead-letter-list')}?{urlencode(told)}")
