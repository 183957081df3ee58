"""The Celery app: workers that answer bells, and the sweep that rings them again."""

from __future__ import annotations

import os

from celery import Celery
from celery.schedules import crontab
from celery.signals import task_postrun, worker_ready
from django.db import close_old_connections
from kombu.transport.redis import QoS

from inventory_control.core.collector import spare_what_is_loaded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inventory_control.settings.local")

# A message only says "look now" and the sweep says so again, so nobody needs those a worker had not come
# to. Giving them back when the broker has gone makes kombu raise where Celery expects it not to, and the
# worker ends.
QoS.restore_at_shutdown = False

app = Celery("inventory_control")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Celery would open a new session for every task, which takes longer than most looks of a stage.
# Django's own rule, applied behind every task, says when one is too old or broken.
app.conf["CELERY_DB_REUSE_MAX"] = 10_000
app.autodiscover_tasks(["tenants", "inventory_control"])
app.conf.beat_schedule = {
    "sweep": {"task": "tenants.sweep", "schedule": 5.0},
    "seal": {"task": "audit.seal", "schedule": 10.0},
    "days": {"task": "ledger.days", "schedule": 60.0},
    "partitions": {"task": "ledger.split", "schedule": 600.0},
    "retention": {"task": "ledger.retire", "schedule": crontab(hour=2, minute=30)},
    "heads": {"task": "audit.deliver_heads", "schedule": 3600.0},
}


@task_postrun.connect(weak=False)  # type: ignore[untyped-decorator]  # celery
def keep_sound_sessions(**_told: object) -> None:
    """Close database sessions that are broken or past DATABASE_CONNECTION_SECONDS."""
    close_old_connections()


@worker_ready.connect(weak=False)  # type: ignore[untyped-decorator]  # celery
def serve(**_told: object) -> None:
    """Begin to serve: everything a worker needs is loaded."""
    spare_what_is_loaded()
