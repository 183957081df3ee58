"""Doors of the figures."""
