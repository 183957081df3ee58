"""Words and figures as pages show them, so that templates decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ai_advice.models import Advice
from inventory_control.audit.console.timeline import as_shown
from inventory_control.audit.values import TimelineEntry
from inventory_control.web.times import span

KINDS: Mapping[str, str] = {
    "stockout": "Stockout risk",
    "out_of_stock": "Out of stock",
    "negative_stock": "Negative stock",
    "oversell": "Oversold",
    "count_variance": "Count variance",
    "asn_delay": "Delivery late",
    "cancelled_shipment": "Cancelled order shipped",
    "position_mismatch": "Systems disagree",
    "completeness": "Messages missing",
    "phantom_suspected": "Suspected phantom",
    "unknown_serial": "Unknown serial",
    "stale_feed": "Silent source",
    "clock_skew": "Clock skew",
    "low_quality": "Bad data",
    "unmapped_identifier": "Unknown name",
    "integration_failure": "Could not be told",
    "oversell_risk": "Oversell risk",
}
LEVELS = {1: "critical", 2: "high", 3: "medium", 4: "low"}
ACTION_ICONS = {
    "transfer": "transfer",
    "purchase": "po",
    "adjust": "item",
    "correct": "audit",
    "markdown": "down",
    "resume": "up",
    "nothing": "check",
}
SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}
SAID: Mapping[str, tuple[str, str, str]] = {
    "case.opened": ("Opened", "queue", ""),
    "case.raised": ("Raised", "up", "bad"),
    "case.cleared": ("Cleared by itself", "check", "ok"),
    "case.acknowledged": ("Taken on", "user", ""),
    "case.assigned": ("Assigned", "user", ""),
    "case.resolved": ("Resolved", "check", "ok"),
    "case.explained": ("Reason", "msg", ""),
    "case.dismissed": ("Dismissed", "x", ""),
    "case.reopened": ("Re-opened", "queue", ""),
    "case.noted": ("Note", "msg", ""),
    "case.governed": ("Handed to a workflow", "flow", ""),
    "advice.given": ("Advice", "advice", ""),
    "request.made": ("Asked for", "msg", ""),
    "run.renewed": ("Asked anew", "flow", ""),
    "run.started": ("Workflow started", "flow", ""),
    "run.asks": ("Asks for approval", "approve", ""),
    "run.carried_out": ("Carried out", "check", "ok"),
    "run.done": ("Effect confirmed", "check", "ok"),
    "run.left": ("No action needed", "check", "ok"),
    "run.refused": ("Refused", "x", "bad"),
    "run.stopped": ("Stopped", "x", "bad"),
    "approval.asked": ("Approval asked", "approve", ""),
    "approval.approved": ("Approved", "check", "ok"),
    "approval.refused": ("Refused", "x", "bad"),
    "approval.escalated": ("Escalated", "up", "bad"),
}
_QUIET_FIELDS = frozenset({"from", "to", "correlation_id", "policy", "key", "snapshot", "version"})
_STAGES: Mapping[str, str] = {
    "detect": "Detection",
    "replenishment": "Replenishment advice",
    "timers": "The clock",
    "workflows": "The workflow",
}
"""What pages call the product's own stages."""
_FIELD_NAMES: Mapping[str, str] = {
    "is_level_fixed": "Level set by hand",
    "nonzero_days": "Days with demand",
    "at_stake": "At stake",
}
NO_PROPOSAL = ("No proposal", "user")
"""Advice that abstained: what a page says, and its icon."""


def advice_words(advice: Advice) -> dict[str, str]:
    """What a page says of advice: its title, its icon, its confidence (empty when it abstained)."""
    if advice.action == "nothing" and not advice.confidence:
        return {"title": NO_PROPOSAL[0], "icon": NO_PROPOSAL[1], "confidence": ""}
    titles = {
        "transfer": f"Move {advice.quantity:,} from {advice.from_node}",
        "purchase": f"Order {advice.quantity:,} from {advice.supplier}",
        "nothing": "Nothing to do",
    }
    return {
        "title": titles[advice.action],
        "icon": ACTION_ICONS[advice.action],
        "confidence": f"{advice.confidence:.2f}",
    }


def field_name(key: str) -> str:
    """A figure's name as a person reads it."""
    return _FIELD_NAMES.get(key) or key.replace("_", " ").capitalize()


def money(amount: Decimal, currency: str) -> str:
    """An amount as a planner reads it: whole units, grouped."""
    return f"{SYMBOLS.get(currency, currency + ' ')}{amount:,.0f}"


def due_chip(due_at: datetime, now: datetime) -> dict[str, str]:
    """How long is left, as a chip: its tone, its icon, its words."""
    left = due_at - now
    if left < timedelta():
        return {"tone": "over", "icon": "late", "text": span(-left), "sr": "Past due by "}
    tone = "high" if left < timedelta(hours=1) else ""
    return {"tone": tone, "icon": "clock", "text": span(left), "sr": ""}


def timeline(pk: object, entries: list[TimelineEntry], names: Mapping[str, str]) -> dict[str, Any]:
    """Audit entries as the timeline fragment takes them, newest first."""
    return {
        "pk": pk,
        "entries": [_entry(one, names) for one in entries],
    }


def _entry(one: TimelineEntry, names: Mapping[str, str]) -> dict[str, Any]:
    title, icon, tone = SAID.get(one.verb, (one.verb.replace(".", " ").capitalize(), "audit", ""))
    if one.verb == "case.governed" and not one.data.get("run"):
        title = "Let go by its workflow"
    who = names.get(one.actor_id) or _STAGES.get(one.actor_name, one.actor_name) or one.actor_kind
    told = _told(one.data)
    text = f"{who}: {told}" if told else who
    return as_shown(one, title=title, text=text, icon=icon, tone=tone)


def _told(data: Mapping[str, Any]) -> str:
    parts = [
        f"{key.replace('_', ' ')} {value}"
        for key, value in data.items()
        if key not in _QUIET_FIELDS
        and not key.endswith(("_at", "_until"))
        and isinstance(value, str | int)
        and value != ""
    ]
    if "from" in data and "to" in data:
        parts.insert(0, f"{data['from']} to {data['to']}")
    return ", ".join(parts)[:300]
