"""Handing news to detection: each change is looked at once."""

from __future__ import annotations

from inventory_control.reconciliation.models import ControlTotal, Discrepancy


def take_news() -> int:
    """Take the notes of what changed, in the caller's transaction; says how many there were."""
    taken = Discrepancy.objects.filter(is_news=True).update(is_news=False)
    return taken + ControlTotal.objects.filter(is_news=True).update(is_news=False)
