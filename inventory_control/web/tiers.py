"""The three tiers of the API (INT-31): who an endpoint is for."""

from __future__ import annotations

from enum import StrEnum


class Tier(StrEnum):
    """An endpoint is in one tier, and a key calls the tiers it names and no other."""

    EXPERIENCE = "experience"
    PROCESS = "process"
    SYSTEM = "system"


MEANINGS = {
    Tier.EXPERIENCE: "For channels: look up what may be sold, reserve it, follow an order.",
    Tier.PROCESS: "For whoever steers: exceptions, advice, approvals, requests, documents.",
    Tier.SYSTEM: "For core applications: events, the ledger, masters, audit, configuration.",
}
"""What the API's description says of each."""


def all_tiers() -> list[str]:
    """Every tier, as a key keeps them."""
    return [str(tier) for tier in Tier]
