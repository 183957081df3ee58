"""Permission codenames of this app."""

READ = "workflows.read"
"""See runs and approvals."""
APPROVE = "workflows.approve"
"""Decide approvals of the roles one holds; never implied, never an advisor's."""
CONFIGURE = "workflows.configure"
"""Change definitions, the approval matrix and the bounds of autonomy."""
