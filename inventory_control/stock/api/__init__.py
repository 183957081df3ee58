"""REST doors of the ledger: post events, reserve, read positions."""
