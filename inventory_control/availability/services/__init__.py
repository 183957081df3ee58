"""Commands of availability: recalculate, publish, expose, plan."""

from inventory_control.availability.services.exposing import (
    pause_listing,
    resume_listing,
    set_listings,
    set_rule,
)
from inventory_control.availability.services.falling_back import apply_fallbacks
from inventory_control.availability.services.holding import RESUME, look_again, waive_holds
from inventory_control.availability.services.noting import (
    note_changed_places,
    take_changed_places,
)
from inventory_control.availability.services.planning import (
    change_safety_stock,
    set_channels,
    set_planning,
)
from inventory_control.availability.services.publishing import (
    acknowledge,
    begin_push,
    confirm_channels,
    install_defaults,
    note_error,
    note_read_back,
    note_unconfirmed,
    queue_publications,
    to_read_back,
)
from inventory_control.availability.services.recalculating import recalculate_due
from inventory_control.availability.values import PUBLISH

__all__ = [
    "PUBLISH",
    "RESUME",
    "acknowledge",
    "apply_fallbacks",
    "begin_push",
    "change_safety_stock",
    "confirm_channels",
    "install_defaults",
    "look_again",
    "note_changed_places",
    "note_error",
    "note_read_back",
    "note_unconfirmed",
    "pause_listing",
    "queue_publications",
    "recalculate_due",
    "resume_listing",
    "set_channels",
    "set_listings",
    "set_planning",
    "set_rule",
    "take_changed_places",
    "to_read_back",
    "waive_holds",
]
