"""Proposing: what the ERP owns is changed by the ERP; people here ask it to."""

from __future__ import annotations

import hashlib

import msgspec
from django.db import transaction

from inventory_control.audit.services import record
from inventory_control.catalog.models import Item, Supplier
from inventory_control.catalog.services import read_changes
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.services import queue_command
from workflows import permissions
from workflows.values import WantedChange

ERP = "erp"
CHANGE = "erp.change_request"


@transaction.atomic
def propose_change(wanted: WantedChange, *, by: Actor) -> OutboundCommand:
    """Send the ERP a wish to change an item or a supplier; nothing changes here until its sync.

    The same wish on the same day is the same command. Raises `Refused` naming
    the field.
    """
    require(by, permissions.REQUEST)
    if not wanted.reason.strip():
        raise Refused("Say why it should change.", field="reason")
    present = _present(wanted)
    changes = {
        name: {"from": _text(getattr(present, name)), "to": _text(value)}
        for name, value in read_changes(wanted.noun, wanted.changes).items()
    }
    idle = [name for name, one in changes.items() if one["from"] == one["to"]]
    if idle:
        raise Refused(f"{idle[0]} is that already.", field=f"changes.{idle[0]}")
    payload = {
        "kind": wanted.noun,
        "code": wanted.code,
        "changes": changes,
        "reason": wanted.reason,
        "asked_by": by.id,
    }
    wish = [wanted.noun, wanted.code, changes, clock.now().date()]
    digest = hashlib.sha256(msgspec.json.encode(wish, order="sorted"))
    command = queue_command(
        kind=CHANGE,
        target=ERP,
        idempotency_key=f"change:{digest.hexdigest()}",
        payload=payload,
        subject=(wanted.noun, wanted.code),
        by=by,
    )
    record("change.proposed", subject=(wanted.noun, wanted.code), by=by, data=payload)
    return command


def _present(wanted: WantedChange) -> Item | Supplier:
    found: Item | Supplier | None
    if wanted.noun == "item":
        found = Item.objects.select_related("supplier").filter(sku=wanted.code).first()
    else:
        found = Supplier.objects.filter(code=wanted.code).first()
    if found is None:
        raise Refused(f"No {wanted.noun} is called {wanted.code}.", field="code")
    return found


def _text(value: object) -> str:
    return value.code if isinstance(value, Supplier) else str(value)
