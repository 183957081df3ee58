"""Questions to reconciliation: reports, discrepancies, drift, control totals, one picture."""

from inventory_control.reconciliation.selectors.mismatches import (
    has_news,
    mismatches,
    root_causes,
)
from inventory_control.reconciliation.selectors.pages import (
    STATUSES,
    comparison,
    comparisons,
    day_figures,
    discrepancies,
    discrepancy_page,
    live_count,
    offenders,
    sign_offs,
    trends,
    worst_discrepancies,
)
from inventory_control.reconciliation.selectors.picture import picture_of
from inventory_control.reconciliation.selectors.reports import CONSUMER, is_reporting_due
from inventory_control.reconciliation.selectors.totals import (
    control_totals,
    outbound_totals,
    shortfalls,
)

__all__ = [
    "CONSUMER",
    "STATUSES",
    "comparison",
    "comparisons",
    "control_totals",
    "day_figures",
    "discrepancies",
    "discrepancy_page",
    "has_news",
    "is_reporting_due",
    "live_count",
    "mismatches",
    "offenders",
    "outbound_totals",
    "picture_of",
    "root_causes",
    "shortfalls",
    "sign_offs",
    "trends",
    "worst_discrepancies",
]
