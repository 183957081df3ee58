"""Django app config."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Orders."""

    name = "inventory_control.orders"
    label = "orders"
