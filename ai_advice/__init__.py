"""Counsel, never hands: advice with evidence, calibrated confidence and expiry."""
