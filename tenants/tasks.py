"""What runs for all tenants by the clock: the sweep, the sealing, the heads that leave."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import msgspec
from celery import shared_task
from django.conf import settings
from django.db.models import Q

from inventory_control.audit.selectors import latest_head, writes_counted
from inventory_control.audit.services import seal
from inventory_control.core import clock
from inventory_control.core.doorbell import press
from inventory_control.core.rounds import go_round
from inventory_control.core.telemetry import log
from inventory_control.core.tenancy import TenantRef, current_tenant, in_public
from tenants.models import DueStage
from tenants.selectors import open_tenants, tenant_ref

FULL_ROUND_EVERY = 6
"""Every so many rounds each log is looked at: an entry may have waited for an older transaction."""

_logger = log(__name__)
_rounds = itertools.count()
_still: dict[str, int] = {}
"""Of each log in which the last look found nothing to seal: how much had been written before it."""


@shared_task(name="tenants.sweep", ignore_result=True)  # type: ignore[untyped-decorator]  # celery
def sweep() -> None:
    """Press the bell of every stage whose note says so now; the stage takes its note away."""
    is_now = Q(not_before=None) | Q(not_before__lte=clock.real_now())
    with in_public():
        notes = list(DueStage.objects.filter(is_now).values_list("tenant_id", "stage"))
    for tenant_id, stage in notes:
        tenant = tenant_ref(tenant_id)
        if tenant is not None and tenant.is_open:
            press(stage, tenant)


@shared_task(name="audit.seal", ignore_result=True)  # type: ignore[untyped-decorator]  # celery
def seal_logs() -> None:
    """Seal every tenant's log that was written to since it was found still; needs the sealer's login."""
    with in_public():
        written = writes_counted()
    is_full = next(_rounds) % FULL_ROUND_EVERY == 0
    go_round(
        [
            tenant
            for tenant in open_tenants()
            if is_full or _still.get(tenant.audit_schema, -1) != written.get(tenant.audit_schema)
        ],
        lambda: _seal(written),
    )


def _seal(written: Mapping[str, int]) -> None:
    schema = current_tenant().audit_schema
    _still.pop(schema, None)
    if seal() == 0 and schema in written:
        _still[schema] = written[schema]


@shared_task(name="audit.deliver_heads", ignore_result=True)  # type: ignore[untyped-decorator]  # celery
def deliver_heads() -> None:
    """Send each newest signed head to two places outside the database.

    A log line (wherever logs are shipped) and one file per tenant below AUDIT_HEADS_DIR: with
    any one of them left, rewriting the log afterwards is found.
    """
    go_round(open_tenants(), _deliver_head)


def _deliver_head() -> None:
    tenant, head = current_tenant(), latest_head()
    if head is None:
        return
    fields = {**head.as_fields(), "tenant": str(tenant.id)}
    _logger.info("audit.head", **fields)
    if settings.AUDIT_HEADS_DIR:
        _keep_head(tenant, fields)


def _keep_head(tenant: TenantRef, fields: dict[str, object]) -> None:
    folder = Path(settings.AUDIT_HEADS_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f"{tenant.id}.ndjson").open("ab") as stream:
        stream.write(msgspec.json.encode(fields) + b"\n")
