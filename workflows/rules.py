"""Who must agree, what may run alone, and how a definition reads. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from workflows.errors import InvalidPolicyError, UnreadableDefinitionError
from workflows.values import Definition, Freedom, Spend, StepKind

ACTIONS = ("transfer", "purchase")
MODES = ("act", "support")


def approvers_for(spend: Spend, matrix: Mapping[str, Any]) -> tuple[str, ...]:
    """The roles that must agree to a spend, level by level; none means it needs nobody.

    The first row of the action whose limit is not below the value decides; a row without a limit
    takes the rest. An action without rows needs somebody all the same: raises
    `InvalidPolicyError` rather than letting it through.
    """
    for row in matrix.get(spend.action, ()):
        limit = row["up_to"]
        if limit is None or spend.value <= Decimal(str(limit)):
            return tuple(row["roles"])
    raise InvalidPolicyError(
        f"The approval matrix has no row for a {spend.action} of {spend.value}.",
        field=spend.action,
    )


def may_run_alone(
    spend: Spend, confidence: float, autonomy: Mapping[str, Any], *, stale: str = ""
) -> Freedom:
    """Whether policy lets an advised action run without a person (S14).

    Only in mode `act`, only for actions it names, up to their value and from their confidence,
    and never on old numbers: `stale` says of which, and how old (LED-27).
    """
    if stale:
        return Freedom(False, f"The numbers are old: {stale}.")
    if autonomy.get("mode") != "act":
        return Freedom(False, "The tenant is in decision support: people decide.")
    bounds = autonomy.get(spend.action)
    if bounds is None:
        return Freedom(False, f"A {spend.action} never runs by itself.")
    if spend.value > Decimal(str(bounds["max_value"])):
        return Freedom(False, f"The value {spend.value} is above {bounds['max_value']}.")
    if confidence < float(bounds["min_confidence"]):
        return Freedom(
            False, f"The confidence {confidence:.2f} is below {bounds['min_confidence']}."
        )
    return Freedom(
        True,
        f"The value {spend.value} is within {bounds['max_value']} and the confidence "
        f"{confidence:.2f} reaches {bounds['min_confidence']}.",
    )


def separated(approver: UUID | None, others: Collection[UUID | None]) -> bool:
    """Whether an approver is another person than whoever asked and whoever approved before.

    Persons are compared, not accounts: two keys of one person are one person. Somebody without a
    person behind them is nobody's second pair of eyes.
    """
    return approver is not None and approver not in others


def deadline(asked_at: datetime, matrix: Mapping[str, Any]) -> datetime:
    """When an approval should be decided; then it escalates."""
    return asked_at + timedelta(hours=float(matrix["respond_hours"]))


def escalates_to(role: str, matrix: Mapping[str, Any]) -> str:
    """The role that may decide too once the deadline has passed; empty when there is none."""
    return str(matrix.get("escalate_to", {}).get(role, ""))


def read_definition(raw: Any, name: str) -> Definition:
    """A definition from its data; raises `UnreadableDefinitionError` naming file and place."""
    if not isinstance(raw, Mapping):
        raise UnreadableDefinitionError(f"{name} holds no definition.")
    for field in ("key", "meaning", "serves", "steps"):
        if not raw.get(field):
            raise UnreadableDefinitionError(f"{name} lacks `{field}`.", field=field)
    known = {kind.value for kind in StepKind}
    for place, step in enumerate(raw["steps"]):
        if step not in known:
            raise UnreadableDefinitionError(
                f"{name}: no step is called {step}. Known: {', '.join(sorted(known))}.",
                field=f"steps[{place}]",
            )
    steps = tuple(StepKind(step) for step in raw["steps"])
    if StepKind.ACT in steps and StepKind.APPROVE not in steps[: steps.index(StepKind.ACT)]:
        raise UnreadableDefinitionError(f"{name}: `approve` must come before `act`.", field="steps")
    return Definition(
        key=str(raw["key"]),
        meaning=str(raw["meaning"]),
        serves=tuple(map(str, raw["serves"])),
        steps=steps,
    )


def check_matrix(value: Mapping[str, Any]) -> None:
    """Refuse an approval matrix with holes; raises `InvalidPolicyError` naming the field."""
    for action in ACTIONS:
        rows = value.get(action)
        if not isinstance(rows, Sequence) or not rows:
            raise InvalidPolicyError(f"Give rows for {action}.", field=action)
        _check_rows(action, rows)
    hours = value.get("respond_hours")
    if not isinstance(hours, int | float) or isinstance(hours, bool) or hours <= 0:
        raise InvalidPolicyError("respond_hours is a number above 0.", field="respond_hours")


def check_autonomy(value: Mapping[str, Any]) -> None:
    """Refuse bounds of autonomy that do not hold together; purchases may never be among them."""
    if value.get("mode") not in MODES:
        raise InvalidPolicyError(f"mode is one of {', '.join(MODES)}.", field="mode")
    if "purchase" in value:
        raise InvalidPolicyError("A purchase never runs by itself.", field="purchase")
    bounds = value.get("transfer")
    if bounds is None:
        return
    _decimal(bounds.get("max_value"), "transfer.max_value")
    confidence = bounds.get("min_confidence")
    if not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise InvalidPolicyError(
            "min_confidence is a number from 0 to 1.", field="transfer.min_confidence"
        )


def _check_rows(action: str, rows: Sequence[Any]) -> None:
    last: Decimal | None = Decimal(-1)
    for place, row in enumerate(rows):
        field = f"{action}[{place}]"
        if last is None:
            raise InvalidPolicyError("Nothing may follow the row without a limit.", field=field)
        if not isinstance(row, Mapping) or not isinstance(row.get("roles"), list):
            raise InvalidPolicyError("A row has `up_to` and a list of `roles`.", field=field)
        if row.get("up_to") is None:
            last = None
            continue
        limit = _decimal(row["up_to"], f"{field}.up_to")
        if limit <= last:
            raise InvalidPolicyError("Limits rise from row to row.", field=f"{field}.up_to")
        last = limit
    if last is not None:
        raise InvalidPolicyError("The last row has no limit (`up_to: null`).", field=action)


def _decimal(value: Any, field: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise InvalidPolicyError(f"{field} is an amount of money as text.", field=field) from None
    if not number.is_finite() or number < 0:
        raise InvalidPolicyError(f"{field} is an amount of 0 or more.", field=field)
    return number
