"""Permission codenames of this app."""

READ = "exceptions.read"
"""See exceptions."""
HANDLE = "exceptions.handle"
"""Take on, assign, note, resolve, dismiss and re-open exceptions."""
