"""Django app config."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Demo."""

    name = "inventory_control.demo"
    label = "demo"
