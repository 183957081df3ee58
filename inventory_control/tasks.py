"""The doors workers come in by: one task per stage, each inside its tenant."""

from __future__ import annotations

from inventory_control.celery import app
from inventory_control.core.tenancy import TenantTask
from inventory_control.pipeline import STAGES, run_stage


def _door(stage: str) -> None:
    @app.task(base=TenantTask, name=f"stages.{stage}", ignore_result=True)  # type: ignore[untyped-decorator]  # celery
    def look() -> None:
        run_stage(stage)


for _stage in STAGES:
    _door(_stage.name)
