"""Django app config."""

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    """Workflows."""

    name = "workflows"
