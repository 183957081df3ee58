"""Django app config."""

from django.apps import AppConfig


class StockConfig(AppConfig):
    """Stock."""

    name = "inventory_control.stock"
    label = "stock"
