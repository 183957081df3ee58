"""The doors workers come in by: one task per stage, each inside its tenant."""

from __future__ import annotations

from inventory_control.celery import app
from inventory_control.core.actors import Actor
from inventory_control.core.rounds import go_round
from inventory_control.core.tenancy import TenantTask
from inventory_control.pipeline import STAGES, run_stage
from inventory_control.stock.services import add_up_days, retire_due, split_ledger
from tenants.selectors import open_tenants


def _door(stage: str) -> None:
    @app.task(bind=True, base=TenantTask, name=f"stages.{stage}", ignore_result=True)  # type: ignore[untyped-decorator]  # celery
    def look(task: TenantTask) -> None:
        run_stage(stage, waited=task.waited())


@app.task(name="ledger.split", ignore_result=True)  # type: ignore[untyped-decorator]  # celery
def split_ledgers() -> None:
    """Split every ledger that has grown."""
    go_round(open_tenants(), lambda: split_ledger(by=Actor.system("partitions")))


@app.task(name="ledger.retire", ignore_result=True)  # type: ignore[untyped-decorator]  # celery
def retire_ledgers() -> None:
    """Retire what no ledger has to keep any longer."""
    go_round(open_tenants(), lambda: retire_due(by=Actor.system("retention")))


@app.task(name="ledger.days", ignore_result=True)  # type: ignore[untyped-decorator]  # celery
def add_up_ledgers() -> None:
    """Add every ledger's new lines to their days."""
    go_round(open_tenants(), lambda: add_up_days(by=Actor.system("days")))


for _stage in STAGES:
    _door(_stage.name)
