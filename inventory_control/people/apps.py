"""Django app config."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """People."""

    name = "inventory_control.people"
    label = "people"
