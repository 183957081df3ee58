"""Commands on exceptions: detection, what persons do with a case, and how workflows close it."""

from exceptions.services.configuring import go_live, install_defaults
from exceptions.services.detecting import detect_due
from exceptions.services.governing import close_cases, govern
from exceptions.services.handling import (
    acknowledge,
    add_note,
    assign,
    assign_all,
    dismiss,
    reopen,
    resolve,
)
from exceptions.services.watching import (
    LOOK,
    SERIALS,
    SHELVES,
    follow_serials,
    follow_shelves,
    watch_sources,
)

__all__ = [
    "LOOK",
    "SERIALS",
    "SHELVES",
    "acknowledge",
    "add_note",
    "assign",
    "assign_all",
    "close_cases",
    "detect_due",
    "dismiss",
    "follow_serials",
    "follow_shelves",
    "go_live",
    "govern",
    "install_defaults",
    "reopen",
    "resolve",
    "watch_sources",
]
