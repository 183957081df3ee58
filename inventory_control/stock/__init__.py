"""The double-entry stock ledger, its balances, and the claims laid over them."""
