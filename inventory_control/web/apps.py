"""Django app config."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Web."""

    name = "inventory_control.web"
    label = "web"
