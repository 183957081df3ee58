"""Tamper-evident audit trail: one RFC 6962 log per tenant."""
