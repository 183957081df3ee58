"""The doors workers come in by: one task per stage, each inside its tenant."""

from __future__ import annotations

from inventory_control.celery import app
from inventory_control.core.actors import Actor
from inventory_control.core.tenancy import TenantTask, in_tenant
from inventory_control.pipeline import STAGES, run_stage
from inventory_control.stock.services import add_up_days, retire_due, split_ledger
from tenants.selectors import open_tenants


def _door(stage: str) -> None:
    @app.task(base=TenantTask, name=f"stages.{stage}", ignore_result=True)  # type: ignore[untyped-decorator]  # celery
    def look() -> None:
        run_stage(stage)


@app.task(name="ledger.split", ignore_result=True)  # type: ignore[untyped-decorator]  # celery
def split_ledgers() -> None:
    """Split every ledger that has grown."""
    for tenant in open_tenants():
        with in_tenant(tenant):
            split_ledger(by=Actor.system("partitions"))


@app.task(name="ledger.retire", ignore_result=True)  # type: ignore[untyped-decorator]  # celery
def retire_ledgers() -> None:
    """Retire what no ledger has to keep any longer."""
    for tenant in open_tenants():
        with in_tenant(tenant):
            retire_due(by=Actor.system("retention"))


@app.task(name="ledger.days", ignore_result=True)  # type: ignore[untyped-decorator]  # celery
def add_up_ledgers() -> None:
    """Add every ledger's new lines to their days."""
    for tenant in open_tenants():
        with in_tenant(tenant):
            add_up_days(by=Actor.system("days"))


for _stage in STAGES:
    _door(_stage.name)
