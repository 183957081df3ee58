"""Console doors of the ledger: refused rows that go on."""
