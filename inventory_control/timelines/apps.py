"""Django app config."""

from django.apps import AppConfig


class TimelinesConfig(AppConfig):
    """Timelines."""

    name = "inventory_control.timelines"
    label = "timelines"
