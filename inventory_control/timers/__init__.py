"""Moments at which something must be looked at again, as rows."""
