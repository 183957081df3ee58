"""Names of members where a page below people knows only their ids: `{% load members %}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.template import Library

from inventory_control.people.selectors import names_of

register = Library()


@register.simple_tag
def member_names(public_ids: Iterable[str]) -> dict[str, str]:
    """The names of all of them at once, by id; ids of nobody are missing."""
    return names_of(set(public_ids))


@register.filter
def of(names: Mapping[str, str], public_id: str) -> str:
    """One of those names; empty for nobody."""
    return names.get(public_id, "")
