"""Django app config."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Audit."""

    name = "inventory_control.audit"
    label = "audit"
