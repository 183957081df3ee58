"""Permission codenames of this app."""

EXPOSE = "availability.expose"
"""Set exposure rules, buffers and caps of listings, pause and resume them."""
PLAN = "availability.plan"
"""Change safety stock within the bounds of policy."""
