"""The database backend: tenant schema and database role set together, or nothing runs."""
