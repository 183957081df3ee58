"""Permission codenames of this app."""

MANAGE_PEOPLE = "people.manage"
"""Create members, roles and keys."""
