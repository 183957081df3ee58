"""Refusals of master data."""

from __future__ import annotations

from inventory_control.core.errors import NotPermitted


class OwnedByErpError(NotPermitted):
    """Items, costs and suppliers are owned by the ERP: change them there, or ask for a change."""

    code = "owned_by_erp"
