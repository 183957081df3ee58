"""Django app config."""

from django.apps import AppConfig


class ExceptionsConfig(AppConfig):
    """Exceptions."""

    name = "exceptions"
