"""Permission codenames of this app."""

CHANGE = "policies.change"
"""Set a new version of a policy."""
