"""Permission codenames of this app."""

READ = "notifications.read"
"""Read what customers were told, what was withheld, and what they consented to."""
REQUEST = "notifications.request"
"""Ask that a customer is told something, and call it off while it waits."""
