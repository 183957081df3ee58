"""Giving advice: the stage of the product's own advisor, outside advisors, and overrides.

The stage runs as a role that may insert advice and audit entries and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
from django.db import transaction

from ai_advice import permissions
from ai_advice.advisors import ADVISORS, Advisor
from ai_advice.errors import InvalidAdviceError, StaleAdviceError
from ai_advice.models import Advice, Override
from ai_advice.selectors import (
    POLICY,
    advisable_cases,
    is_own_advisor_on,
    questions,
    terms_of,
)
from ai_advice.values import Action, Question, Recommendation
from exceptions.models import ExceptionCase
from exceptions.rules import kept_money
from exceptions.states import LIVE
from inventory_control.audit.services import record, record_all
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.permissions import require
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.services import install_policies

BATCH = 500
DEFAULTS: Mapping[str, Mapping[str, object]] = {
    POLICY: {
        "internal": True,
        "review_days": 7,
        "service_target": 0.95,
        "own_cover_days": 20,
        "transfer_cost_per_unit": 0.04,
        "minimum_days": 14,
        "minimum_sales": 4,
        "valid_hours": 24,
    }
}


def install_defaults(*, by: Actor) -> None:
    """What provisioning calls: the terms advice is given on."""
    install_policies(DEFAULTS, by=by)


def advise_due(*, by: Actor) -> int:
    """Advise on every case that waits, a batch a transaction; returns the cases advised on."""
    require(by, permissions.WRITE)
    if not is_own_advisor_on():
        return 0
    advised = 0
    while batch := _advise_batch(by):
        advised += batch
    return advised


@transaction.atomic
def _advise_batch(by: Actor) -> int:
    cases = advisable_cases(BATCH)
    if not cases:
        return 0
    terms = terms_of(current_policy(POLICY))
    advisor = ADVISORS.get("replenishment")
    asked = questions(cases, terms)
    answers = advisor.advise(asked, terms)
    rows = [_row(advisor, one, answer) for one, answer in zip(asked, answers, strict=True)]
    Advice.objects.bulk_create(rows)
    _tell(rows, by)
    ring("workflows")
    return len(rows)


@transaction.atomic
def give_advice(
    *,
    case_id: int,
    case_version: int,
    given: Recommendation,
    model_version: str,
    by: Actor,
) -> Advice:
    """Take the advice of an outside advisor on one case.

    It weighs as much as the product's own: policy decides what it may set off. Raises
    `InvalidAdviceError` naming the field, `StaleAdviceError` when the case has moved on.
    """
    require(by, permissions.WRITE)
    case = ExceptionCase.objects.filter(pk=case_id).first()
    if case is None or case.status_value not in LIVE:
        raise InvalidAdviceError(f"There is no open exception {case_id}.", field="case")
    if case.version != case_version:
        raise StaleAdviceError(extra={"case_version": case.version})
    _check(given)
    row = _advice(
        case_id=case_id,
        case_version=case_version,
        advisor=by.name[:40],
        model_version=model_version,
        given=given,
        snapshot=_digest(
            {"case": case_id, "version": case_version, "evidence": dict(given.evidence)}
        ),
        at=clock.now(),
    )
    row.save()
    _tell([row], by)
    ring("workflows")
    return row


@transaction.atomic
def record_override(*, advice_id: int, reason: str, by: Actor) -> Override:
    """Keep that a person decided against advice, and why; it feeds the override rate."""
    if not reason.strip():
        raise InvalidAdviceError("Say why the advice was not followed.", field="reason")
    override: Override = Override.objects.create(
        advice_id=advice_id, actor_id=by.id, reason=reason[:300], made_at=clock.now()
    )
    record(
        "advice.overridden",
        subject=("advice", str(advice_id)),
        by=by,
        data={"reason": reason},
    )
    return override


def _check(given: Recommendation) -> None:
    if not 0.0 <= given.confidence <= 1.0:
        raise InvalidAdviceError("confidence is a probability between 0 and 1.", field="confidence")
    if given.expires_at <= clock.now():
        raise InvalidAdviceError("This advice has expired already.", field="expires_at")
    if given.action is Action.NOTHING:
        return
    if given.quantity <= 0:
        raise InvalidAdviceError("quantity is a whole number above 0.", field="quantity")
    if given.value < 0:
        raise InvalidAdviceError("value is 0 or more.", field="value")
    if given.action is Action.TRANSFER and given.from_node_id is None:
        raise InvalidAdviceError("A transfer names the node it comes from.", field="from_node")
    if given.action is Action.PURCHASE and given.supplier_id is None:
        raise InvalidAdviceError("A purchase names its supplier.", field="supplier")


def _row(advisor: Advisor, question: Question, given: Recommendation) -> Advice:
    return _advice(
        case_id=question.case_id,
        case_version=question.case_version,
        advisor=advisor.key,
        model_version=advisor.model_version,
        given=given,
        snapshot=_digest(question),
        at=question.at,
    )


def _advice(
    *,
    case_id: int,
    case_version: int,
    advisor: str,
    model_version: str,
    given: Recommendation,
    snapshot: str,
    at: datetime,
) -> Advice:
    return Advice(
        case_id=case_id,
        case_version=case_version,
        advisor=advisor,
        model_version=model_version,
        action=given.action.value,
        proposition=given.proposition,
        confidence=given.confidence,
        quantity=given.quantity,
        value=kept_money(given.value),
        from_node_id=given.from_node_id,
        supplier_id=given.supplier_id,
        expected_at=given.expected_at,
        evidence=dict(given.evidence),
        alternatives=[dict(one) for one in given.alternatives],
        snapshot=snapshot,
        made_at=at,
        expires_at=given.expires_at,
    )


def _digest(inputs: object) -> str:
    """The digest of what advice rests on: the same inputs always give the same."""
    encoded = msgspec.json.encode(inputs, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()


def _tell(rows: Sequence[Advice], by: Actor) -> None:
    record_all(
        "advice.given",
        kind="exceptioncase",
        subjects={
            str(row.case_id): {
                "advice": row.pk,
                "advisor": row.advisor,
                "model_version": row.model_version,
                "action": row.action,
                "quantity": row.quantity,
                "value": str(Decimal(row.value)),
                "confidence": f"{row.confidence:.4f}",
                "snapshot": row.snapshot,
            }
            for row in rows
        },
        by=by,
    )
