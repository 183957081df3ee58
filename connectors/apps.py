"""Django app config."""

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    """Connectors."""

    name = "connectors"
