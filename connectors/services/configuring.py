"""Configuring connectors; their secrets are encrypted and never shown again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction

from connectors import permissions
from connectors.adapters import ADAPTERS
from connectors.errors import InvalidConnectorError, UnknownConnectorError
from connectors.models import Connector
from connectors.rules import retry_terms
from connectors.values import Peer
from inventory_control.audit.services import record
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.permissions import require


@transaction.atomic
def add_connector(
    *,
    code: str,
    name: str,
    adapter: str,
    url: str,
    secret: str,
    options: Mapping[str, Any],
    by: Actor,
) -> Connector:
    """Add a connector or change the one of that code; the audit entry never holds the secret."""
    require(by, permissions.CONFIGURE)
    ADAPTERS.get(adapter)
    retry_terms(options)
    connector, is_new = Connector.objects.update_or_create(
        code=code,
        defaults={
            "name": name,
            "adapter": adapter,
            "url": url,
            "secret": _fernet().encrypt(secret.encode()),
            "settings": dict(options),
        },
    )
    record(
        "connector.added" if is_new else "connector.changed",
        subject=("connector", code),
        by=by,
        data={"adapter": adapter, "url": url, "options": dict(options)},
    )
    return connector


def pause(*, code: str, by: Actor) -> Connector:
    """Let a connector's commands wait."""
    return _set_paused(code, by, is_paused=True)


def resume(*, code: str, by: Actor) -> Connector:
    """Let them leave again."""
    connector = _set_paused(code, by, is_paused=False)
    ring("deliver")
    return connector


def peer_of(connector: Connector) -> Peer:
    """The other side with its secret decrypted; raises `InvalidConnectorError` without the key."""
    try:
        secret = _fernet().decrypt(bytes(connector.secret)).decode() if connector.secret else ""
    except InvalidToken:
        raise InvalidConnectorError(
            f"The secret of {connector.code} was encrypted with a key that is gone; set it again.",
            field="secret",
        ) from None
    return Peer(connector.code, connector.url, secret, connector.settings)


@transaction.atomic
def _set_paused(code: str, by: Actor, *, is_paused: bool) -> Connector:
    require(by, permissions.CONFIGURE)
    connector = Connector.objects.select_for_update().filter(code=code).first()
    if connector is None:
        raise UnknownConnectorError
    connector.is_paused = is_paused
    connector.save(update_fields=["is_paused"])
    record(
        "connector.paused" if is_paused else "connector.resumed",
        subject=("connector", code),
        by=by,
        data={},
    )
    return connector


def _fernet() -> MultiFernet:
    if not settings.CREDENTIALS_KEYS:
        raise InvalidConnectorError("CREDENTIALS_KEYS is not set: secrets cannot be kept.")
    return MultiFernet([Fernet(key) for key in settings.CREDENTIALS_KEYS])
