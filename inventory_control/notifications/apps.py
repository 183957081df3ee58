"""Django app config."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Notifications."""

    name = "inventory_control.notifications"
    label = "notifications"
