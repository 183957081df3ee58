"""Subscribing: who is told of which events and positions, and with which secret it is signed."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.db import transaction

from connectors import permissions
from connectors.errors import InvalidConnectorError, NothingToTellError, UnknownConnectorError
from connectors.models import Connector
from connectors.services.configuring import add_connector, peer_of
from inventory_control.audit.services import record
from inventory_control.catalog.models import Item, Node
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.events.models import Notice, Subscription
from inventory_control.events.rules import EVENT_TYPES
from inventory_control.events.selectors import COUNTED_UP_TO
from inventory_control.events.states import POSITION_CHANGED
from inventory_control.outbox.services import queue_looks
from inventory_control.outbox.values import NOTIFY, SUBSCRIPTION

ADAPTER = "webhook"
_PREFIX = "whsec_"
_LEAST_BYTES = 24
LONGEST_OWNER = 120


@transaction.atomic
def subscribe(
    *,
    code: str,
    name: str,
    url: str,
    types: Sequence[str],
    skus: Sequence[str] = (),
    nodes: Sequence[str] = (),
    secret: str = "",
    owner: str | None = None,
    by: Actor,
) -> tuple[Subscription, str]:
    """Tell a subscriber from now on, or change what it is told; empty items or nodes mean all.

    Without an owner it keeps the one it has.
    Returns the subscription and its secret when one was made up here, which is never shown again.
    Raises `InvalidConnectorError` naming the field.
    """
    require(by, permissions.CONFIGURE)
    known = Connector.objects.filter(code=code).first()
    if known is not None and known.adapter != ADAPTER:
        raise InvalidConnectorError(f"{code} is a connector of another sort.", field="code")
    _check_types(types)
    _check_url(url)
    _check_owner(owner or "")
    made_up = "" if secret or known is not None else _made_up_secret()
    chosen = secret or made_up or (peer_of(known).secret if known is not None else "")
    _check_secret(chosen)
    add_connector(code=code, name=name, adapter=ADAPTER, url=url, secret=chosen, options={}, by=by)
    subscription, is_new = Subscription.objects.update_or_create(
        code=code,
        defaults={
            "types": sorted(set(types)),
            "items": _ids(Item, "sku", skus, "items"),
            "nodes": _ids(Node, "code", nodes, "nodes"),
            "is_active": True,
            **({} if owner is None else {"owner": owner.strip()}),
        },
    )
    record(
        "subscription.added" if is_new else "subscription.changed",
        subject=("subscription", code),
        by=by,
        data={
            "types": sorted(set(types)),
            "items": list(skus),
            "nodes": list(nodes),
            "owner": subscription.owner,
        },
    )
    return subscription, made_up


@transaction.atomic
def name_owner(code: str, *, owner: str, by: Actor) -> Subscription:
    """Say who answers for a subscriber; empty when nobody does."""
    require(by, permissions.CONFIGURE)
    _check_owner(owner)
    subscription = _locked(code)
    was, subscription.owner = subscription.owner, owner.strip()
    subscription.save(update_fields=["owner"])
    record(
        "subscription.owner_named",
        subject=("subscription", code),
        by=by,
        data={"from": was, "to": subscription.owner},
    )
    return subscription


@transaction.atomic
def redeliver(code: str, *, by: Actor) -> int:
    """Have a subscriber told now what waits for it, as after its outage; returns how much waits.

    What died or rests between attempts stays as it is: one look more carries all that is noted.
    """
    require(by, permissions.CONFIGURE)
    subscription = _locked(code)
    if not subscription.is_active:
        raise NothingToTellError(f"{code} has ended; subscribe it again to tell it anything.")
    waiting = subscription.notices.all()[:COUNTED_UP_TO].count()
    if not waiting:
        raise NothingToTellError(f"Nothing waits for {code}; it took all it was told.")
    queue_looks(kind=NOTIFY, targets=[code], subject_kind=SUBSCRIPTION, by=by)
    record(
        "subscription.redelivered",
        subject=("subscription", code),
        by=by,
        data={"waiting": waiting},
    )
    return waiting


@transaction.atomic
def unsubscribe(code: str, *, by: Actor) -> Subscription:
    """Tell a subscriber nothing more; what it was still to be told is dropped."""
    require(by, permissions.CONFIGURE)
    subscription = _locked(code)
    dropped, _ = Notice.objects.filter(subscription=subscription).delete()
    subscription.is_active = False
    subscription.save(update_fields=["is_active"])
    record("subscription.ended", subject=("subscription", code), by=by, data={"dropped": dropped})
    return subscription


def _locked(code: str) -> Subscription:
    subscription = Subscription.objects.select_for_update().filter(code=code).first()
    if subscription is None:
        raise UnknownConnectorError(f"Nobody subscribed as {code}.")
    return subscription


def _check_owner(owner: str) -> None:
    if "\0" in owner or len(owner) > LONGEST_OWNER:
        raise InvalidConnectorError(
            f"owner is text of at most {LONGEST_OWNER} characters.", field="owner"
        )


def _check_types(types: Sequence[str]) -> None:
    if not types:
        raise InvalidConnectorError("Name at least one type.", field="types")
    for name in types:
        if name not in EVENT_TYPES and name != POSITION_CHANGED:
            raise InvalidConnectorError(f"No event type is called {name[:60]}.", field="types")


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidConnectorError("url is an http or https address.", field="url")


def _check_secret(secret: str) -> None:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_PREFIX) or len(key) < _LEAST_BYTES:
        raise InvalidConnectorError(
            f"secret is {_PREFIX} and at least {_LEAST_BYTES} bytes in base64.", field="secret"
        )


def _made_up_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _ids(model: type[Item | Node], field: str, names: Sequence[str], asked_as: str) -> list[int]:
    found = dict(
        model._default_manager.filter(**{f"{field}__in": list(names)}).values_list(field, "pk")
    )
    if missing := sorted(set(names) - found.keys()):
        raise Refused(f"Unknown in {asked_as}: {', '.join(missing)[:200]}.", field=asked_as)
    return sorted(found.values())
