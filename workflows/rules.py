"""Who must agree, what may run alone, and how a definition reads. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from exceptions.rules import MOST_MONEY
from inventory_control.core.errors import Refused
from inventory_control.stock.values import Age
from workflows.errors import InvalidPolicyError, UnreadableDefinitionError
from workflows.values import (
    CENT,
    Definition,
    Facts,
    Freedom,
    ReasonCode,
    Spend,
    StepKind,
    WantedAdjustment,
)

ACTIONS = ("transfer", "purchase", "adjust", "correct", "markdown", "resume")
NEVER_ALONE = ("adjust", "correct", "markdown", "resume")
"""What changes the book itself or a price, or sells against a rule: whatever the value, somebody
else must agree."""
MODES = ("act", "support")
MOST_DAYS = 3_650


def spend_of(units: int, unit_cost: Decimal) -> Decimal:
    """What so many units are worth, whichever way they go; refuses what nobody can mean."""
    spend = (abs(units) * unit_cost).quantize(CENT)
    if spend > MOST_MONEY:
        raise Refused(
            f"{units:,} units of {unit_cost:,} each are worth more than the {MOST_MONEY:,} that one "
            "request may be; check the quantity.",
            field="quantity",
        )
    return spend


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


def read_reason(wanted: WantedAdjustment, policy: Mapping[str, Any]) -> ReasonCode:
    """The reason an adjustment names, with what it needs; raises `Refused` naming the field."""
    if wanted.quantity == 0:
        raise Refused("An adjustment of zero changes nothing.", field="quantity")
    codes = policy["codes"]
    terms = codes.get(wanted.reason_code)
    if terms is None:
        raise Refused(
            f"No reason code is called {wanted.reason_code or 'nothing'}. Known: "
            f"{', '.join(sorted(codes))}.",
            field="reason_code",
        )
    if terms["needs_evidence"] and not wanted.evidence.strip():
        raise Refused(
            f"The reason {wanted.reason_code} needs evidence: the number of a report, or where "
            "a photo is kept.",
            field="evidence",
        )
    return ReasonCode(
        code=wanted.reason_code,
        meaning=str(terms["meaning"]),
        is_sensitive=bool(terms["is_sensitive"]),
        limit=Decimal(str(terms["limit"])),
        needs_evidence=bool(terms["needs_evidence"]),
    )


def may_post_at_once(
    reason: ReasonCode, value: Decimal, unit_cost: Decimal, *, lately: Decimal
) -> Freedom:
    """Whether an adjustment needs nobody's agreement.

    Without a cost the value is not known, so it cannot be within a limit. `lately` is what the
    same person adjusted there within a day without asking: many small ones are a large one.
    """
    if reason.is_sensitive:
        return Freedom(False, f"{reason.meaning} is a sensitive reason: somebody else must agree.")
    return _within(value, unit_cost, reason.limit, lately)


def may_correct_at_once(value: Decimal, unit_cost: Decimal, policy: Mapping[str, Any]) -> Freedom:
    """Whether an event may be corrected without anybody's agreement; `value` is the original's.

    What has no cost or no quantity has no known value.
    """
    return _within(value, unit_cost, Decimal(str(policy["correction_limit"])))


def check_replacement(original: int | None, replacement: int, *, is_counted: bool) -> None:
    """Refuse a quantity that cannot take the place of an event's; raises `Refused`."""
    if is_counted and replacement:
        raise Refused(
            "A count is withdrawn whole: leave quantity out and send the right count.",
            field="quantity",
        )
    if replacement == 0:
        return
    if not original or replacement * original < 0:
        raise Refused(
            f"{replacement} cannot take the place of {original or 'no quantity'}: withdraw the "
            "event and send another.",
            field="quantity",
        )
    if replacement == original:
        raise Refused(f"The event says {original} already.", field="quantity")


def drift(asked: Facts, now: Facts, bounds: Mapping[str, Any]) -> str:
    """What changed materially since something was asked for, in words; empty when nothing did."""
    if now.obstacle:
        return now.obstacle
    share = Decimal(str(bounds["share"]))
    if abs(now.units - asked.units) > max(Decimal(bounds["units"]), share * abs(asked.units)):
        return f"{now.what}: {asked.units} when it was asked, {now.units} now."
    if abs(now.unit_cost - asked.unit_cost) > share * asked.unit_cost:
        return f"One unit cost {asked.unit_cost} when it was asked and costs {now.unit_cost} now."
    if now.unit_price != asked.unit_price:
        return (
            f"It sold for {asked.unit_price} when it was asked and sells for {now.unit_price} now."
        )
    return ""


def why_aged(age: Age, terms: Mapping[str, Any]) -> str:
    """Why an item may be marked down, in words; empty while its stock is neither old nor lasts
    longer than policy allows.
    """
    if age.units <= 0:
        return ""
    if age.oldest_days is not None and age.oldest_days > terms["age_days"]:
        return f"Its oldest unit came in {age.oldest_days} days ago."
    if age.has_cover and age.units * age.days > age.asked_for * terms["cover_days"]:
        if age.cover_days is None:
            return f"Nobody asked for one in {age.days} days."
        return f"Its {age.units} units last {age.cover_days} days."
    return ""


def check_markdown(value: Mapping[str, Any]) -> None:
    """Refuse bounds of age that are none; raises `InvalidPolicyError` naming the field."""
    if unknown := sorted(set(value) - {"cover_days", "age_days"}):
        raise InvalidPolicyError(f"No field is called {unknown[0]}.", field=unknown[0])
    for field in ("cover_days", "age_days"):
        days = value.get(field)
        if type(days) is not int or not 1 <= days <= MOST_DAYS:
            raise InvalidPolicyError(
                f"{field} is a whole number of days, 1 to {MOST_DAYS}.", field=field
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
    for field in ("key", "meaning", "steps"):
        if not raw.get(field):
            raise UnreadableDefinitionError(f"{name} lacks `{field}`.", field=field)
    if not isinstance(raw.get("serves"), list):
        raise UnreadableDefinitionError(
            f"{name}: `serves` lists kinds of exceptions, none for requests.", field="serves"
        )
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
    for action in NEVER_ALONE:
        if not all(row["roles"] for row in value[action]):
            raise InvalidPolicyError(
                f"Somebody must agree to a {action}: name a role in every row.", field=action
            )
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


def check_reasons(value: Mapping[str, Any]) -> None:
    """Refuse reason codes that do not say what they need; raises `InvalidPolicyError`."""
    codes = value.get("codes")
    if not isinstance(codes, Mapping) or not codes:
        raise InvalidPolicyError("Give at least one reason code.", field="codes")
    for code, terms in codes.items():
        field = f"codes.{code}"
        if not isinstance(terms, Mapping) or not str(terms.get("meaning") or "").strip():
            raise InvalidPolicyError(f"{field} needs a meaning.", field=f"{field}.meaning")
        for flag in ("is_sensitive", "needs_evidence"):
            if not isinstance(terms.get(flag), bool):
                raise InvalidPolicyError(f"{flag} is true or false.", field=f"{field}.{flag}")
        _decimal(terms.get("limit"), f"{field}.limit")
    _decimal(value.get("correction_limit"), "correction_limit")
    if not isinstance(value.get("is_strict"), bool):
        raise InvalidPolicyError("is_strict is true or false.", field="is_strict")


def check_drift(value: Mapping[str, Any]) -> None:
    """Refuse bounds of change that are none; raises `InvalidPolicyError`."""
    units = value.get("units")
    if not isinstance(units, int) or isinstance(units, bool) or units < 0:
        raise InvalidPolicyError("units is a whole number of 0 or more.", field="units")
    _decimal(value.get("share"), "share")


def _within(
    value: Decimal, unit_cost: Decimal, limit: Decimal, lately: Decimal = Decimal(0)
) -> Freedom:
    if unit_cost <= 0:
        return Freedom(False, "Its value is not known, so it cannot be held against the limit.")
    told = f"{value} and {lately} within a day before" if lately else f"{value}"
    if value + lately > limit:
        return Freedom(False, f"The value {told} is above {limit}.")
    return Freedom(True, f"The value {told} is within {limit}.")


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
