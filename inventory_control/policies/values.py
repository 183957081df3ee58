"""What a policy looks like to a rule, and the values a new tenant starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """A policy in force: its value and the version to cite."""

    key: str
    version: int
    value: Mapping[str, Any]

    @property
    def name(self) -> str:
        """How audit entries and pages cite it."""
        return f"{self.key} v{self.version}"


REASON_CODES = "reason_codes"
"""Why stock may be adjusted. `is_strict` makes events name a known reason too."""

LEDGER_RETENTION = "ledger_retention"
"""How many years the ledger is kept; null keeps it for good."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "count_tolerance": {"units": 2, "share": 0.05},
    LEDGER_RETENTION: {"years": None},
    REASON_CODES: {
        "is_strict": False,
        "correction_limit": "100",
        "codes": {
            "found": {
                "meaning": "Found while counting or tidying",
                "is_sensitive": False,
                "limit": "100",
                "needs_evidence": False,
            },
            "missing": {
                "meaning": "Missing while counting or picking",
                "is_sensitive": False,
                "limit": "100",
                "needs_evidence": False,
            },
            "own_use": {
                "meaning": "Taken for own use",
                "is_sensitive": False,
                "limit": "50",
                "needs_evidence": False,
            },
            "shrink": {
                "meaning": "Shrink",
                "is_sensitive": True,
                "limit": "0",
                "needs_evidence": False,
            },
            "theft": {
                "meaning": "Theft",
                "is_sensitive": True,
                "limit": "0",
                "needs_evidence": True,
            },
        },
    },
    "reservations": {"mode": "all_or_nothing"},
}
"""Version 1 of every policy of the core; higher apps add theirs through `install_policies`."""
