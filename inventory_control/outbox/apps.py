"""Django app config."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """Outbox."""

    name = "inventory_control.outbox"
    label = "outbox"
