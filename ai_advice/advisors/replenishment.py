"""Replenishment: nothing, a transfer, or a purchase, in that order, with the figures behind it.

Lead-time demand is a gamma distribution learnt from capped, exponentially weighted history; fixed
levels, where a planner set them, come before computed ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from ai_advice.rules import (
    Abstained,
    HistoryMinimum,
    NodeStock,
    OrderAdvice,
    OrderInputs,
    RejectedDonor,
    ServiceTarget,
    TransferAdvice,
    TransferTerms,
    lead_time_demand,
    order_advices,
    transfer_plan,
)
from ai_advice.values import Action, Outlook, Question, Recommendation, Terms

CENT = Decimal("0.01")
UNKNOWN = 0.5
"""The probability given where history is too short to say anything: neither way."""


class Replenishment:
    """Proposes how a place that runs short gets its stock."""

    key = "replenishment"
    meaning = "Nothing, a transfer or a purchase, by gamma lead-time demand."
    model_version = "gamma-ewma-1"

    def advise(self, asked: Sequence[Question], terms: Terms) -> list[Recommendation]:
        """One recommendation per question, in order; the mathematics runs over all at once."""
        figures = order_advices([_order_inputs(one, terms) for one in asked])
        return [_answer(one, figure, terms) for one, figure in zip(asked, figures, strict=True)]


def _answer(question: Question, figure: OrderAdvice | Abstained, terms: Terms) -> Recommendation:
    place = question.place
    needed = _needed(question, figure)
    risk = _risk(question, figure)
    evidence = _evidence(question, figure, needed, terms)
    if isinstance(figure, Abstained) and place.order_up_to is None:
        return _nothing(
            question,
            f"History is too short to size an order: {place.history_days} days in stock with "
            f"{place.nonzero_days} days of demand.",
            0.0,
            evidence,
            terms,
        )
    if needed <= 0:
        return _nothing(
            question, _covered(question), 1.0 - risk, evidence, terms, until_supply=True
        )
    donor, refusals = _best_donor(question, needed, terms)
    lost = _expected_loss(question, figure)
    idle: dict[str, object] = {
        "action": "nothing",
        "reason": "Do nothing.",
        "expected_lost_units": lost,
    }
    if donor is not None:
        return _transfer(question, donor, needed, risk, evidence, (*refusals, idle), terms)
    return _purchase(question, needed, risk, evidence, (*refusals, idle), terms)


def _order_inputs(question: Question, terms: Terms) -> OrderInputs:
    goods, place = question.goods, question.place
    share = place.open_share
    return OrderInputs(
        level=place.level,
        cv2=place.cv2,
        lead_time_days=goods.lead_time_days * share,
        lead_time_sd=goods.lead_time_sd_days * share,
        review_days=terms.review_days * share,
        on_hand=place.on_hand - place.safety_stock,
        on_order=place.inbound,
        reserved=max(0, place.promised),
        service=ServiceTarget(terms.service_target, terms.service_target, 0, False),
        history_days=place.history_days,
        nonzero_days=place.nonzero_days,
        pack_size=goods.pack_size,
        minimum_quantity=goods.minimum_order_quantity,
        minimum=HistoryMinimum(terms.minimum_days, terms.minimum_sales),
    )


def _position(place: Outlook) -> int:
    """What the place can count on: sellable less promised and safety, plus what is due in time."""
    return place.on_hand - place.promised - place.safety_stock + place.inbound


def _needed(question: Question, figure: OrderAdvice | Abstained) -> int:
    """Units to bring, by the fixed levels where they are set, else by the computed ones."""
    place = question.place
    position = _position(place)
    if place.order_up_to is not None:
        at_or_below = place.reorder_point if place.reorder_point is not None else place.order_up_to
        return place.order_up_to - position if position <= at_or_below else 0
    if isinstance(figure, Abstained):
        return 0
    if position > figure.reorder_point:
        return 0
    return math.ceil(figure.order_up_to - position)


def _risk(question: Question, figure: OrderAdvice | Abstained) -> float:
    """Probability that the place runs out within its protection period if nothing is done."""
    place = question.place
    if not isinstance(figure, Abstained):
        return figure.stockout_probability
    return 1.0 if place.on_hand - place.promised <= 0 else UNKNOWN


def _expected_loss(question: Question, figure: OrderAdvice | Abstained) -> str:
    if isinstance(figure, Abstained):
        return "unknown"
    return f"{figure.expected_shortage:.1f}"


def _best_donor(
    question: Question, needed: int, terms: Terms
) -> tuple[TransferAdvice | None, tuple[dict[str, object], ...]]:
    """The donor with the largest gain, or none, and why the others may not give."""
    goods, place = question.goods, question.place
    holders = [one for one in question.others if one.on_hand > 0]
    margin = float(goods.unit_price - goods.unit_cost)
    minimum = HistoryMinimum(terms.minimum_days, terms.minimum_sales)
    plan = transfer_plan(
        _node_stock(place, place.protection_days, goods.lead_time_sd_days, 0),
        [
            _node_stock(one, one.protection_days, 0.0, terms.own_cover_days * one.open_share)
            for one in holders
        ],
        needed=needed,
        terms=TransferTerms(
            pack_size=1,
            cost_per_unit=terms.transfer_cost_per_unit,
            unit_value=margin if margin > 0 else max(0.01, float(goods.unit_cost)),
            transit_days=min(place.transfer_days, place.protection_days) * place.open_share,
            minimum=minimum,
        ),
    )
    if isinstance(plan, Abstained):
        return None, ({"action": "transfer", "reason": "Too little history to weigh donors."},)
    refusals = tuple(_refusal(one) for one in plan.rejected)
    return (plan.advices[0] if plan.advices else None), refusals


def _node_stock(
    one: Outlook, protection_days: float, lead_time_sd: float, own_cover_days: float
) -> NodeStock:
    return NodeStock(
        node=one.node,
        on_hand=one.on_hand - one.safety_stock,
        on_order=one.inbound,
        reserved=one.promised,
        level=one.level,
        cv2=one.cv2,
        protection_days=max(protection_days, 0.1),
        history_days=one.history_days,
        nonzero_days=one.nonzero_days,
        lead_time_sd=lead_time_sd,
        own_cover_days=own_cover_days,
    )


def _refusal(one: RejectedDonor) -> dict[str, object]:
    kept = "" if one.donor_kept is None else f" It keeps {one.donor_kept:.0f} for itself."
    return {
        "action": "transfer",
        "from": one.donor,
        "reason": f"{one.donor} may not give: {one.reason.value.replace('_', ' ')}.{kept}",
        "spare_units": f"{one.transferable:.0f}",
    }


def _transfer(
    question: Question,
    donor: TransferAdvice,
    needed: int,
    risk: float,
    evidence: dict[str, object],
    alternatives: tuple[dict[str, object], ...],
    terms: Terms,
) -> Recommendation:
    goods, place = question.goods, question.place
    giver = next(one for one in question.others if one.node == donor.donor)
    spare = math.floor(
        giver.on_hand - giver.promised - giver.safety_stock - donor.donor_kept + 1e-9
    )
    quantity = needed if place.order_up_to is not None else round(donor.quantity)
    quantity = max(1, min(quantity, spare))
    left = giver.on_hand - quantity
    keeps = 1.0 - _runs_out(giver, left - giver.promised - giver.safety_stock)
    confidence = min(1.0, max(0.0, risk * keeps))
    return Recommendation(
        action=Action.TRANSFER,
        proposition=(
            f"{place.node} runs out of {goods.sku} within {place.protection_days:.0f} open days "
            f"unless {quantity} come; {giver.node} gives them and keeps {left}, enough for its own."
        ),
        confidence=confidence,
        quantity=quantity,
        value=(quantity * goods.unit_cost).quantize(CENT),
        from_node_id=giver.node_id,
        expected_at=question.at + timedelta(days=max(1, place.transfer_days)),
        expires_at=question.at + timedelta(hours=terms.valid_hours),
        evidence={
            **evidence,
            "donor": giver.node,
            "donor_left": left,
            "donor_keeps_at_least": f"{donor.donor_kept:.1f}",
            "gain_units": f"{donor.gain_units:.1f}",
        },
        alternatives=alternatives,
    )


def _purchase(
    question: Question,
    needed: int,
    risk: float,
    evidence: dict[str, object],
    alternatives: tuple[dict[str, object], ...],
    terms: Terms,
) -> Recommendation:
    goods, place = question.goods, question.place
    if goods.supplier_id is None:
        return _nothing(
            question, f"{goods.sku} has no supplier to order from.", 0.0, evidence, terms
        )
    pack = goods.pack_size
    quantity = max(-(-needed // pack) * pack, -(-goods.minimum_order_quantity // pack) * pack)
    cut = ""
    if place.room is not None and quantity > place.room:
        wanted, quantity = quantity, place.room // pack * pack
        cut = f" {place.node} has room for {place.room}, so {quantity} of {wanted} are ordered."
        if quantity < max(pack, goods.minimum_order_quantity):
            return _nothing(
                question,
                f"{place.node} has room for {place.room} units only; the order of {wanted} waits.",
                risk,
                evidence,
                terms,
            )
    return Recommendation(
        action=Action.PURCHASE,
        proposition=(
            f"{place.node} runs out of {goods.sku} within {place.protection_days:.0f} open days "
            f"unless {quantity} are ordered from {goods.supplier}.{cut}"
        ),
        confidence=min(1.0, max(0.0, risk)),
        quantity=quantity,
        value=(quantity * goods.unit_cost).quantize(CENT),
        supplier_id=goods.supplier_id,
        expected_at=question.at + timedelta(days=goods.lead_time_days),
        expires_at=question.at + timedelta(hours=terms.valid_hours),
        evidence=evidence | ({"cut_to_room": place.room} if cut else {}),
        alternatives=alternatives,
    )


def _nothing(
    question: Question,
    proposition: str,
    confidence: float,
    evidence: dict[str, object],
    terms: Terms,
    *,
    until_supply: bool = False,
) -> Recommendation:
    """Advice to leave things as they are; `expected_at` is when the awaited supply comes."""
    first = question.place.inbound_documents[0] if question.place.inbound_documents else None
    due = first.get("expected_at") if first and until_supply else None
    return Recommendation(
        action=Action.NOTHING,
        proposition=proposition,
        confidence=min(1.0, max(0.0, confidence)),
        expires_at=question.at + _valid_for(confidence, terms),
        expected_at=None if due is None else datetime.fromisoformat(str(due)),
        evidence=evidence,
    )


def _valid_for(confidence: float, terms: Terms) -> timedelta:
    """How long advice to do nothing stands. Nothing is learnt of a demand too rare to judge within
    a day: without any confidence it stands for a review period.
    """
    return timedelta(hours=terms.valid_hours) if confidence else timedelta(days=terms.review_days)


def _covered(question: Question) -> str:
    place, sku = question.place, question.goods.sku
    position = _position(place)
    if place.inbound_documents:
        first = place.inbound_documents[0]
        return (
            f"No action needed: {place.inbound} of {sku} are due at {place.node} in time "
            f"({first['document']} first), which makes {position}."
        )
    return f"No action needed: {position} of {sku} at {place.node} cover the protection period."


def _runs_out(one: Outlook, stock: int) -> float:
    demand = lead_time_demand(
        level=one.level, protection_days=max(one.protection_days, 0.1), cv2=one.cv2
    )
    return float(demand.stockout_probability(stock)[0])


def _evidence(
    question: Question, figure: OrderAdvice | Abstained, needed: int, terms: Terms
) -> dict[str, object]:
    place, goods = question.place, question.goods
    told: dict[str, object] = {
        "sellable": place.on_hand,
        "promised": place.promised,
        "safety_stock": place.safety_stock,
        "inbound_in_time": place.inbound,
        "inbound": [dict(one) for one in place.inbound_documents],
        "position": _position(place),
        "needed": max(0, needed),
        "lead_time_days": goods.lead_time_days,
        "review_days": terms.review_days,
        "protection_open_days": f"{place.protection_days:.1f}",
        "history_days": place.history_days,
        "days_with_demand": place.nonzero_days,
        "units_per_open_day": f"{place.level:.2f}",
        "policy": terms.cited_as,
    }
    if place.order_up_to is not None:
        told["fixed_reorder_point"] = place.reorder_point
        told["fixed_order_up_to"] = place.order_up_to
    if not isinstance(figure, Abstained):
        told["computed_reorder_point"] = f"{figure.reorder_point:.1f}"
        told["computed_order_up_to"] = f"{figure.order_up_to:.1f}"
        told["stockout_probability"] = f"{figure.stockout_probability:.3f}"
        told["expected_shortage_units"] = f"{figure.expected_shortage:.1f}"
    return told
