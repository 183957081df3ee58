"""Delivering: commands leave through the adapter of their target; no transaction stays open."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from django.db import transaction

from connectors.adapters import ADAPTERS
from connectors.errors import DeliveryFailedError, DeliveryRefusedError, InvalidConnectorError
from connectors.models import Connector, PublishedFigure
from connectors.selectors import connectors, paused_targets, serving
from connectors.services.configuring import peer_of
from connectors.services.notifying import notify
from connectors.values import Peer, Sending
from inventory_control.availability.selectors import unpublished
from inventory_control.availability.services import PUBLISH, acknowledge
from inventory_control.availability.values import Publication
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import correlated, log
from inventory_control.orders.services import acknowledged
from inventory_control.outbox import permissions
from inventory_control.outbox.services import (
    bury_exhausted,
    claim_due,
    mark_delivered,
    mark_failed,
)
from inventory_control.outbox.values import NOTIFY, ClaimedCommand

BATCH = 50
FIGURES_AT_ONCE = 1_000
NOTED_AFTER_S = 1.0
"""How long an acknowledgement may wait for others before all are noted together."""
ORDERS = frozenset({"purchase_order.create", "transfer.create"})
Delivered = tuple[ClaimedCommand, Connector, Mapping[str, Any]]
_logger = log(__name__)


def deliver_due(*, by: Actor) -> int:
    """Deliver every command that is due; returns how many were acknowledged.

    A command's attempt was counted when it was claimed; what the other side may take later waits
    and is tried again, what it will never take ends dead at once. Acknowledgements are noted a
    set at a time: one lost between answer and note is sent again under the same idempotency key.
    """
    require(by, permissions.RETRY)
    known = connectors()
    delivered = 0
    bury_exhausted(by=by)
    while claimed := claim_due(BATCH, besides=paused_targets(known)):
        delivered += _deliver_all(claimed, known, by)
    return delivered


def _deliver_all(claimed: Sequence[ClaimedCommand], known: dict[str, Connector], by: Actor) -> int:
    delivered: list[Delivered] = []
    noted, since = 0, time.monotonic()
    for command in claimed:
        if (one := _deliver(command, known, by)) is not None:
            delivered.append(one)
        if time.monotonic() - since > NOTED_AFTER_S:
            _note_successes(delivered[noted:], by)
            noted, since = len(delivered), time.monotonic()
    _note_successes(delivered[noted:], by)
    return len(delivered)


def _deliver(command: ClaimedCommand, known: dict[str, Connector], by: Actor) -> Delivered | None:
    """Push one command; None when it was not taken, which is noted at once."""
    connector = serving(command.target, known)
    if connector is None:
        mark_failed(
            command.id, error=f"No connector serves {command.target}.", is_final=True, by=by
        )
        return None
    with correlated(command.correlation_id):
        try:
            answer = _push(command, connector, by)
        except DeliveryFailedError as error:
            _note_failure(connector, str(error))
            mark_failed(command.id, error=str(error), is_final=False, by=by)
            return None
        except (DeliveryRefusedError, InvalidConnectorError) as error:
            _note_failure(connector, str(error))
            mark_failed(command.id, error=str(error), is_final=True, by=by)
            return None
    return command, connector, answer


def _push(command: ClaimedCommand, connector: Connector, by: Actor) -> Mapping[str, Any]:
    adapter, peer = ADAPTERS.get(connector.adapter), peer_of(connector)
    if command.kind == PUBLISH:
        return _publish(command, peer, connector, by)
    if command.kind == NOTIFY:
        return notify(command, peer, connector)
    return adapter.push(
        peer,
        Sending(command.kind, command.idempotency_key, command.payload, command.correlation_id),
    ).answer


def _publish(
    command: ClaimedCommand, peer: Peer, connector: Connector, by: Actor
) -> Mapping[str, Any]:
    """Tell a channel every figure it does not show yet; the latest value is what counts."""
    channel = str(command.payload["channel"])
    told = 0
    while figures := unpublished(channel, FIGURES_AT_ONCE):
        ADAPTERS.get(connector.adapter).push(
            peer,
            Sending(
                PUBLISH,
                f"{command.idempotency_key}:{told}",
                {
                    "channel": channel,
                    "items": [
                        {"sku": one.sku, "quantity": one.quantity, "version": one.version}
                        for one in figures
                    ],
                },
                command.correlation_id,
            ),
        )
        _keep_told(channel, figures, command.correlation_id)
        acknowledge(channel=channel, told=figures, by=by)
        told += len(figures)
    return {"figures": told}


def _keep_told(channel: str, figures: Sequence[Publication], correlation: str) -> None:
    """Keep what the channel acknowledged: a correction asks later who sold on a wrong number."""
    PublishedFigure.objects.bulk_create(
        PublishedFigure(
            channel=channel,
            item_id=one.item_id,
            quantity=one.quantity,
            version=one.version,
            acknowledged_at=clock.now(),
            correlation_id=correlation,
        )
        for one in figures
    )


def _note_successes(delivered: Sequence[Delivered], by: Actor) -> None:
    """The acknowledgements and what they mean for the orders, together; a transaction a cause."""
    for correlation, group in groupby(delivered, key=lambda one: one[0].correlation_id):
        with correlated(correlation), transaction.atomic():
            mine = list(group)
            mark_delivered({command.id: answer for command, _, answer in mine}, by=by)
            for kind in sorted({command.kind for command, _, _ in mine} & ORDERS):
                answers = {
                    command.idempotency_key: answer
                    for command, _, answer in mine
                    if command.kind == kind
                }
                acknowledged(kind=kind, answers=answers, by=by)
            Connector.objects.filter(pk__in={connector.pk for _, connector, _ in mine}).update(
                last_ok_at=clock.now(), last_error=""
            )


def _note_failure(connector: Connector, error: str) -> None:
    _logger.warning("delivery.failed", connector=connector.code, error=error)
    Connector.objects.filter(pk=connector.pk).update(
        last_error_at=clock.now(), last_error=error[:300]
    )
