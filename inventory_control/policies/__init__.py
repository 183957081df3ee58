"""Thresholds and modes as versioned, effective-dated rows, so that a rule is data."""
