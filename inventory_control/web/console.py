"""The class every console page extends: signed in, permitted, and with an actor to act as."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views import View

from inventory_control.core.actors import Actor
from inventory_control.core.telemetry import security_log


class ConsoleView(LoginRequiredMixin, View):
    """One page or one act of the console. `permission` is what seeing or doing it takes.

    The service behind an act asks again; this one decides whether the page is shown at all.
    """

    permission: str = ""

    @property
    def actor(self) -> Actor:
        """Who is signed in, with the permissions of this moment."""
        actor: Actor = self.request.actor  # type: ignore[attr-defined]  # people.middleware
        return actor

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Sign in first, then ask for the page's permission."""
        if request.user.is_authenticated and not self._may(request):
            return render(request, "errors/403.html", status=403)
        return super().dispatch(request, *args, **kwargs)

    def _may(self, request: HttpRequest) -> bool:
        actor: Actor | None = request.actor  # type: ignore[attr-defined]  # people.middleware
        if actor and actor.may(self.permission):  # a lazy None is false, never `is None`
            return True
        security_log("permission.denied", permission=self.permission, path=request.path)
        return False


def vary_on_htmx(response: HttpResponse) -> HttpResponse:
    """Keep caches from giving a fragment to somebody who asked for the page."""
    response.headers["Vary"] = "HX-Request, Cookie"
    return response
