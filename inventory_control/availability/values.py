"""What passes between availability and those who tell channels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Publication:
    """One figure a channel should show; `changed_at` is when the posting behind it was made."""

    sku: str
    quantity: int
    version: int
    changed_at: datetime
    item_id: int
