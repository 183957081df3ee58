"""Questions about what may be sold."""

from inventory_control.availability.selectors.exposures import (
    exposure_doubts,
    exposure_hold,
    exposure_holds,
    exposure_rules,
    held_listings,
    holds_at,
    is_held,
    orders_during,
)
from inventory_control.availability.selectors.figures import (
    ChannelFigure,
    Figures,
    ItemFigures,
    LiveBreakdown,
    LookUp,
    NodeFigure,
    ats_at,
    ats_of,
    breakdown_of,
    channel_figures,
    is_detection_due,
    limited_figures,
    node_stock,
)
from inventory_control.availability.selectors.looking_up import look_up_presented
from inventory_control.availability.selectors.planning import (
    Promises,
    promises_at,
    safety_stock_history,
)
from inventory_control.availability.selectors.receipts import (
    acknowledged_between,
    disagreements_at,
    receipts_of,
    unconfirmed_channels,
)

__all__ = [
    "ChannelFigure",
    "Figures",
    "ItemFigures",
    "LiveBreakdown",
    "LookUp",
    "NodeFigure",
    "Promises",
    "acknowledged_between",
    "ats_at",
    "ats_of",
    "breakdown_of",
    "channel_figures",
    "disagreements_at",
    "exposure_doubts",
    "exposure_hold",
    "exposure_holds",
    "exposure_rules",
    "held_listings",
    "holds_at",
    "is_detection_due",
    "is_held",
    "limited_figures",
    "look_up_presented",
    "node_stock",
    "orders_during",
    "promises_at",
    "receipts_of",
    "safety_stock_history",
    "unconfirmed_channels",
]
