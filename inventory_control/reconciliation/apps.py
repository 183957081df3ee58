"""Django app config."""

from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """Reconciliation."""

    name = "inventory_control.reconciliation"
    label = "reconciliation"
