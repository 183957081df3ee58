"""The lock under which cases of a tenant are opened."""

from __future__ import annotations

from inventory_control.core.sql import hot_write
from inventory_control.core.tenancy import current_tenant


def hold_detection() -> None:
    """Let nobody else open cases of this tenant until the transaction ends.

    A risk may go by two keys (`rules.risk_of`), which no unique constraint can hold to one case;
    and a second run that saw an older scene would clear what the first one opened.
    """
    hot_write(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s::text, 0))",
        [f"{current_tenant().schema_name}.exceptions"],
    )
