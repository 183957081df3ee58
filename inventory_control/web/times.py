"""Moments and lengths of time as pages show them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)")


def span(length: timedelta) -> str:
    """A length of time in its two largest units."""
    minutes = int(length.total_seconds() // 60)
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60:02d}"


def readable(value: object) -> str:
    """A kept value as text; a moment in the form machines exchange reads `26 Apr 2026 07:00`."""
    text = str(value)
    if not _MOMENT.fullmatch(text):
        return text
    try:
        return f"{datetime.fromisoformat(text):%-d %b %Y %H:%M}"
    except ValueError:
        return text
