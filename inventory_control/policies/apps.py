"""Django app config."""

from django.apps import AppConfig


class PoliciesConfig(AppConfig):
    """Policies."""

    name = "inventory_control.policies"
    label = "policies"
