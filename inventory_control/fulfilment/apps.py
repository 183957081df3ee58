"""Django app config."""

from django.apps import AppConfig


class FulfilmentConfig(AppConfig):
    """Fulfilment."""

    name = "inventory_control.fulfilment"
    label = "fulfilment"
