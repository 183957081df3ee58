"""The one refusal of the embedded servers."""

from __future__ import annotations

from typing import ClassVar

from inventory_control.core.errors import DomainError


class EmbeddedError(DomainError):
    """The embedded servers cannot run here."""

    code: ClassVar[str] = "embedded_servers"
    status: ClassVar[int] = 503


USE_OWN_SERVERS = "To use servers of your own, set DATABASE_URL and REDIS_URL."
