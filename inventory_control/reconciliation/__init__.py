"""Reconciliation: what every other system says of stock, against the ledger."""
