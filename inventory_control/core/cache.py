"""The shared cache, with the one call removed that would empty it for every tenant."""

from __future__ import annotations

from django.core.cache.backends.redis import RedisCache

from inventory_control.core.postgresql.base import ContextError


class TenantCache(RedisCache):
    """Redis behind tenant-prefixed keys."""

    def clear(self) -> None:
        """Refused: it would wipe other tenants' keys and the bells beside them."""
        raise ContextError("The cache is shared; delete keys by name.")
