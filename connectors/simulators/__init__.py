"""Simulated systems with state of their own, for demos, stories and tests."""
