"""Permission codenames of this app."""

RETRY = "outbox.retry"
"""Send a dead command again."""
