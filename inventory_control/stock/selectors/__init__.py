"""Questions to the ledger; other apps ask here and never touch its tables."""

from inventory_control.stock.selectors.ageing import DEMAND_DAYS, age_of
from inventory_control.stock.selectors.cards import stock_cards, stock_doubts
from inventory_control.stock.selectors.claiming import (
    claim_of_line,
    claims,
    claims_at,
    claims_by_key,
    claims_of,
    claims_of_keys,
    has_open_claims,
    open_claims_of,
    overdrawn_claims,
)
from inventory_control.stock.selectors.counting import (
    adjustments_of,
    counts_of_events,
    pending_counts,
)
from inventory_control.stock.selectors.demand import demand_days, item_series
from inventory_control.stock.selectors.holding import hold_of, holds, holds_in_force, holds_since
from inventory_control.stock.selectors.ledger import (
    causes_of,
    changes_in,
    is_marked,
    ledger_digest,
    ledger_of,
    lines_of_events,
    oldest_mark,
)
from inventory_control.stock.selectors.positions import (
    asserted_at,
    free_at,
    position_as_of,
    positions_as_of,
    positions_at,
    positions_of,
    units_at,
)
from inventory_control.stock.selectors.retention import ledger_horizon, ledger_parts

__all__ = [
    "DEMAND_DAYS",
    "adjustments_of",
    "age_of",
    "asserted_at",
    "causes_of",
    "changes_in",
    "claim_of_line",
    "claims",
    "claims_at",
    "claims_by_key",
    "claims_of",
    "claims_of_keys",
    "counts_of_events",
    "demand_days",
    "free_at",
    "has_open_claims",
    "hold_of",
    "holds",
    "holds_in_force",
    "holds_since",
    "is_marked",
    "item_series",
    "ledger_digest",
    "ledger_horizon",
    "ledger_of",
    "ledger_parts",
    "lines_of_events",
    "oldest_mark",
    "open_claims_of",
    "overdrawn_claims",
    "pending_counts",
    "position_as_of",
    "positions_as_of",
    "positions_at",
    "positions_of",
    "stock_cards",
    "stock_doubts",
    "units_at",
]
