"""Governed decisions: versioned definitions, approval matrix, segregation of duties, actions."""
