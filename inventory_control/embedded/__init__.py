"""PostgreSQL and Valkey from wheels behind one small interface, used when no URL is given.

    with EmbeddedStack() as stack:
        endpoints = stack.start()

This package needs the standard library and the two wheels only, and never Django: it runs before
the settings are read. Developers keep a stack in the background with
`python -m inventory_control.embedded start` and end it with `stop`.
"""

from __future__ import annotations

from inventory_control.embedded.errors import EmbeddedError
from inventory_control.embedded.places import Endpoints, default_data_dir
from inventory_control.embedded.stack import (
    EmbeddedStack,
    Status,
    discard,
    end_orphans,
    endpoints_of,
    status_of,
)

__all__ = [
    "EmbeddedError",
    "EmbeddedStack",
    "Endpoints",
    "Status",
    "default_data_dir",
    "discard",
    "end_orphans",
    "endpoints_of",
    "status_of",
]
