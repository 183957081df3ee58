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

__all__ = [
    "acknowledge",
    "add_note",
    "assign",
    "assign_all",
    "close_cases",
    "detect_due",
    "dismiss",
    "go_live",
    "govern",
    "install_defaults",
    "reopen",
    "resolve",
]
