"""The demo: a generated retailer, the replay of a real one, and the launcher of it all."""
