"""Every door of the API that a key opens, as the URL resolver knows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from inventory_control.web.tiers import Tier
from inventory_control.web.views import ApiView

SIGNED = frozenset({"webhook"})
"""Doors that a signature over the body opens, and whose delivery id makes them repeatable."""


@dataclass(frozen=True, slots=True)
class Door:
    """One method of one URL; `route` is below /api/v1/, with its parameters in brackets."""

    name: str
    method: str
    route: str
    tier: Tier

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def doors(patterns: Any = None, route: str = "") -> Iterator[Door]:
    """Every door, in the order of the URLs."""
    for entry in patterns if patterns is not None else get_resolver().url_patterns:
        here = route + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from doors(entry.url_patterns, here)
        elif isinstance(entry, URLPattern):
            view = getattr(entry.callback, "view_class", None)
            if isinstance(view, type) and issubclass(view, ApiView) and entry.name not in SIGNED:
                for method in sorted(view.permissions):
                    below = here.removeprefix("api/v1/")
                    yield Door(entry.name or "", method, below, view.tier)
