"""Demand meets supply: who waits for stock, who gets it, and from where."""
