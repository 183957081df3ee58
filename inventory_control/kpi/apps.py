"""Django app config."""

from django.apps import AppConfig


class KpiConfig(AppConfig):
    """Kpi."""

    name = "inventory_control.kpi"
    label = "kpi"
