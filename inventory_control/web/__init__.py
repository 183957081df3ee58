"""What transport doors share: pages, tables, problems, idempotency, middleware."""
