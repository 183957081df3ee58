"""Django app config."""

from django.apps import AppConfig


class AvailabilityConfig(AppConfig):
    """Availability."""

    name = "inventory_control.availability"
    label = "availability"
