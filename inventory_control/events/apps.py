"""Django app config."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Events."""

    name = "inventory_control.events"
    label = "events"
