"""Risks as cases: detection, ownership, severity, resolution."""
