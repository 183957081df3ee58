"""Permission codenames of this app."""

COUNT = "kpi.count"
"""Write the tenant's counters; only the product itself does."""
