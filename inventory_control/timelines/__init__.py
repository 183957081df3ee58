"""What happened, read across all apps: one event, one business object, what an error touched."""
