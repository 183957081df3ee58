"""Django app config."""

from django.apps import AppConfig


class TimersConfig(AppConfig):
    """Timers."""

    name = "inventory_control.timers"
    label = "timers"
