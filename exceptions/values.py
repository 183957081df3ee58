"""What a detector returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

Place = tuple[int, int]
"""(item id, node id)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A risk a detector saw; the service decides whether it opens, raises or repeats a case.

    `key` names the risk within its kind; `units` and `at_stake` are its size in units and money;
    `respond_within` is how soon somebody must act; `evidence` holds the figures the finding
    rests on, as plain JSON values (decimals as text).
    """

    kind: str
    key: str
    severity: int
    summary: str
    units: int
    at_stake: Decimal
    respond_within: timedelta
    item_id: int | None = None
    node_id: int | None = None
    document: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)

    @property
    def case_key(self) -> str:
        """The key of the case, unique among live ones."""
        return f"{self.kind}:{self.key}"
