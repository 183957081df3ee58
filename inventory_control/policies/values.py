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


DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "count_tolerance": {"units": 2, "share": 0.05},
    "reservations": {"mode": "all_or_nothing"},
}
"""Version 1 of every policy of the core; higher apps add theirs through `install_policies`."""
