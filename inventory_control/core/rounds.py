"""Rounds: work that goes from tenant to tenant by the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.db import close_old_connections

from inventory_control.core.errors import DomainError
from inventory_control.core.telemetry import log
from inventory_control.core.tenancy import TenantRef, in_tenant

_logger = log(__name__)


class RoundFailedError(DomainError):
    """The work of a round failed in some tenants; the log names each with its fault."""

    code = "round_failed"
    status = 500


def go_round(tenants: Iterable[TenantRef], work: Callable[[], object]) -> None:
    """Do the same work inside one tenant after another.

    A tenant where it fails keeps no other waiting; when all had their turn `RoundFailedError` says how
    many failed. Between two tenants a session that is broken, or has worked for many, is given up.
    """
    failed = 0
    for tenant in tenants:
        try:
            with in_tenant(tenant):
                work()
        except Exception as error:
            failed += 1
            _logger.exception("round.failed", tenant=tenant.label, error=str(error))
        close_old_connections()
    if failed:
        raise RoundFailedError(f"The work failed in {failed} tenants; see round.failed in the log.")
