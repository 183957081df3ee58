"""The Celery app: workers that answer bells, and the sweep that rings them again."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inventory_control.settings.local")

app = Celery("inventory_control")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["tenants", "inventory_control"])
app.conf.beat_schedule = {
    "sweep": {"task": "tenants.sweep", "schedule": 60.0},
    "seal": {"task": "audit.seal", "schedule": 10.0},
    "heads": {"task": "audit.deliver_heads", "schedule": 3600.0},
}
