"""Commands of notifications: ask, call off, send, follow what became of it."""

from inventory_control.notifications.services.configuring import install_defaults
from inventory_control.notifications.services.following import follow_notifications
from inventory_control.notifications.services.requesting import call_off, request_notification
from inventory_control.notifications.services.sending import (
    begin_sending,
    note_sent,
    note_undeliverable,
)

__all__ = [
    "begin_sending",
    "call_off",
    "follow_notifications",
    "install_defaults",
    "note_sent",
    "note_undeliverable",
    "request_notification",
]
