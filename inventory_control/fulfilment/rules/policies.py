"""What the policies of fulfilment may say; asked before a new version is put in force."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from inventory_control.fulfilment.errors import InvalidTermsError

QUEUE_ORDER = ("service", "age")
RANKS = ("priority", "service", "margin", "age")


def check_backorders(value: Mapping[str, Any]) -> None:
    """Raise `InvalidTermsError`, naming the field, when backorders could not be served by this."""
    _known(value, {"order_by", "takes_part", "keeps_remainder", "tell"})
    _words(value, "order_by", QUEUE_ORDER)
    _flag(value, "takes_part")
    _flag(value, "keeps_remainder")
    _words(value, "tell", None)


def check_allocation(value: Mapping[str, Any]) -> None:
    """Raise `InvalidTermsError`, naming the field, when orders could not be allocated by this."""
    _known(value, {"order_by", "most_nodes", "takes_part", "remainder", "stale_after_s"})
    _words(value, "order_by", RANKS)
    _flag(value, "takes_part")
    _whole(value, "most_nodes")
    _whole(value, "stale_after_s")
    if value.get("remainder") not in ("none", "backorder"):
        raise InvalidTermsError("remainder is none or backorder.", field="remainder")


def _known(value: Mapping[str, Any], fields: Collection[str]) -> None:
    if unknown := sorted(set(value) - set(fields)):
        raise InvalidTermsError(f"No field is called {unknown[0]}.", field=unknown[0])


def _words(value: Mapping[str, Any], field: str, allowed: Collection[str] | None) -> None:
    said = value.get(field)
    if not isinstance(said, list) or not all(
        isinstance(one, str) and one and (allowed is None or one in allowed) for one in said
    ):
        words = f"of {', '.join(allowed)}" if allowed else "of names"
        raise InvalidTermsError(f"{field} is a list {words}.", field=field)
    if len(set(said)) < len(said):
        raise InvalidTermsError(f"{field} names something twice.", field=field)


def _flag(value: Mapping[str, Any], field: str) -> None:
    if not isinstance(value.get(field), bool):
        raise InvalidTermsError(f"{field} is true or false.", field=field)


def _whole(value: Mapping[str, Any], field: str) -> None:
    said = value.get(field)
    if isinstance(said, bool) or not isinstance(said, int) or said < 1:
        raise InvalidTermsError(f"{field} is a whole number of 1 or more.", field=field)
