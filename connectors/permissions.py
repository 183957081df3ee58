"""Permission codenames of this app."""

READ = "connectors.read"
"""See connectors and their health."""
CONFIGURE = "connectors.configure"
"""Add connectors, change and pause them."""
