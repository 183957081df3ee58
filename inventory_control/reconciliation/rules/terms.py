"""What the policy of reconciliation says, read from its data and checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from inventory_control.reconciliation.errors import InvalidTermsError
from inventory_control.reconciliation.values import (
    AVAILABLE,
    ON_HAND,
    SYSTEMS,
    Material,
    SystemTerms,
    Terms,
)

POLICY = "reconciliation"
DEFAULTS: Mapping[str, Any] = {
    "interval_minutes": 60,
    "material": {"units": 5, "value": "200", "share": None},
    "systems": {
        "erp": {"measure": ON_HAND, "lag_minutes": 15, "owner": "finance"},
        "oms": {"measure": "sellable", "lag_minutes": 5, "owner": "planner"},
        "wms": {"measure": ON_HAND, "lag_minutes": 5, "owner": "planner"},
        "pos": {"measure": "sellable", "lag_minutes": 5, "owner": "planner"},
    },
    "channels": {"lag_minutes": 1, "owner": "planner"},
    "recount_freezes": False,
    "approval_above": "1000",
    "late_after_minutes": 60,
}
"""Version 1; a tenant's version may leave out whatever stays as it is here."""
MEASURES = frozenset(
    {ON_HAND, AVAILABLE, "received", "quarantined", "sellable", "refurbishable", "damaged",
     "vendor_return", "in_transit"}
)  # fmt: skip
_SHORTEST, _LONGEST = 1, 7 * 24 * 60


def check_terms(value: Mapping[str, Any]) -> None:
    """Refuse a policy that does not hold together; raises `InvalidTermsError` naming the field."""
    terms_of(value)


def terms_of(value: Mapping[str, Any]) -> Terms:
    """The terms a policy's data stands for, with what it leaves out taken from `DEFAULTS`."""
    _known(value, DEFAULTS, "")
    full = {**DEFAULTS, **value}
    usual = _material(DEFAULTS["material"], Material(), "material")
    common = _material(_object(full["material"], "material"), usual, "material")
    systems = _object(full["systems"], "systems")
    if unknown := sorted(set(systems) - set(SYSTEMS)):
        raise InvalidTermsError(
            f"No system is called {unknown[0]}; known: {', '.join(SYSTEMS)}.",
            field=f"systems.{unknown[0]}",
        )
    channels = {"measure": AVAILABLE, **DEFAULTS["channels"]}
    return Terms(
        interval=_minutes(full["interval_minutes"], "interval_minutes", least=_SHORTEST),
        systems={
            name: _system(
                systems.get(name, {}), DEFAULTS["systems"][name], common, f"systems.{name}"
            )
            for name in SYSTEMS
        },
        channels=_system(full["channels"], channels, common, "channels"),
        recount_freezes=_flag(full["recount_freezes"], "recount_freezes"),
        approval_above=_money(full["approval_above"], "approval_above"),
        late_after=_minutes(full["late_after_minutes"], "late_after_minutes"),
    )


def _system(value: Any, usual: Mapping[str, Any], common: Material, field: str) -> SystemTerms:
    given = _object(value, field)
    _known(given, {**usual, "material": None}, field)
    full = {**usual, **given}
    if full["measure"] not in MEASURES:
        raise InvalidTermsError(
            f"{field}.measure is one of {', '.join(sorted(MEASURES))}.", field=f"{field}.measure"
        )
    if not isinstance(full["owner"], str):
        raise InvalidTermsError(f"{field}.owner names a role.", field=f"{field}.owner")
    own = _object(given.get("material", {}), f"{field}.material")
    return SystemTerms(
        measure=str(full["measure"]),
        lag=_minutes(full["lag_minutes"], f"{field}.lag_minutes"),
        owner=full["owner"],
        material=_material(own, common, f"{field}.material"),
    )


def _material(given: Mapping[str, Any], common: Material, field: str) -> Material:
    _known(given, {"units": None, "value": None, "share": None}, field)
    units, share = given.get("units", common.units), given.get("share", common.share)
    if units is not None and not (_is_whole(units) and units >= 1):
        raise InvalidTermsError(f"{field}.units is a whole number from 1.", field=f"{field}.units")
    if share is not None and not (_is_number(share) and 0 < share <= 1):
        raise InvalidTermsError(f"{field}.share lies above 0, up to 1.", field=f"{field}.share")
    value = _money(given["value"], f"{field}.value") if "value" in given else common.value
    return Material(units=units, value=value, share=share)


def _object(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidTermsError(f"{field} is an object.", field=field)
    return value


def _known(given: Mapping[str, Any], known: Mapping[str, Any], field: str) -> None:
    if unknown := sorted(set(given) - set(known)):
        path = f"{field}.{unknown[0]}" if field else unknown[0]
        raise InvalidTermsError(
            f"{path} is unknown; known: {', '.join(sorted(known))}.", field=path
        )


def _minutes(value: Any, field: str, *, least: int = 0) -> timedelta:
    if not _is_whole(value) or not least <= value <= _LONGEST:
        raise InvalidTermsError(
            f"{field} is a whole number from {least} to {_LONGEST}.", field=field
        )
    return timedelta(minutes=value)


def _money(value: Any, field: str) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise InvalidTermsError(f"{field} is an amount of 0 or more, or null.", field=field)
    return amount


def _flag(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidTermsError(f"{field} is true or false.", field=field)
    return value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
