"""How a program shows its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def presented_key(headers: Mapping[str, Any]) -> str | None:
    """The secret of an `Authorization: Bearer` header, or None when there is no such header."""
    scheme, _, secret = headers.get("HTTP_AUTHORIZATION", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None
