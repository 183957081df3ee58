"""Same-run ratios against a bare floor and raw PostgreSQL; never part of the timed tests."""
