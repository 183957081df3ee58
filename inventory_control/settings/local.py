"""A developer's machine and the demo: plain HTTP on localhost."""

from inventory_control.settings.base import *  # noqa: F403 - settings modules extend base

DEBUG = False
STATIC_ROOT = None
"""Served from where it lies; nothing is collected."""
