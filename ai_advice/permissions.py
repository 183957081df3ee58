"""Permission codenames of this app."""

READ = "advice.read"
"""Read advice."""
WRITE = "advice.write"
"""Give advice through the API, as an external advisor."""
