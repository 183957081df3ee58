"""Permission codenames of this app."""

READ = "audit.read"
"""Read the audit trail and its proofs."""
