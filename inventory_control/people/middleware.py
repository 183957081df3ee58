"""Puts the actor behind the session on the request, looked up when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.people.selectors import actor_of_user


class ActorOfSession:
    """`request.actor` is an `Actor`, or false when nobody who may act is signed in.

    One query, and none for requests that never ask: the API authenticates by itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set the lazy actor."""
        request.actor = SimpleLazyObject(lambda: _actor_of(request))  # type: ignore[attr-defined]
        return self._get_response(request)


def _actor_of(request: HttpRequest) -> Actor | None:
    user: Any = request.user
    if not user.is_authenticated:
        return None
    return actor_of_user(user.pk, at=clock.real_now())
