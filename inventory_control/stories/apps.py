"""Django app config."""

from django.apps import AppConfig


class StoriesConfig(AppConfig):
    """Stories."""

    name = "inventory_control.stories"
    label = "stories"
