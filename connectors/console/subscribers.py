"""Who is told of events and positions, and how that goes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connectors import permissions
from connectors.selectors import subscribers
from connectors.services import unsubscribe
from inventory_control.web.console import ConsoleView


class SubscriberListView(ConsoleView):
    """Subscribers; they are added by the API, which shows their secret once."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Every one, by code."""
        context = {
            "rows": subscribers(),
            "may_act": self.actor.may(permissions.CONFIGURE),
            "empty": {
                "icon": "out",
                "title": "Nobody subscribed",
                "text": "A system that wants to be told is added through the API.",
            },
        }
        return render(request, "connectors/subscribers.html", context)


class SubscriberEndView(ConsoleView):
    """Ending a subscription."""

    permission = permissions.CONFIGURE

    def post(self, _request: HttpRequest, code: str) -> HttpResponse:
        """Tell it nothing more, then show the list again."""
        unsubscribe(code, by=self.actor)
        return redirect("connectors:subscriber-list")
