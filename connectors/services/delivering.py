"""Delivering: commands leave through the adapter of their target; no transaction stays open."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from django.db import transaction

from connectors.adapters import ADAPTERS, Adapter
from connectors.errors import (
    CalledOffError,
    DeliveryFailedError,
    DeliveryRefusedError,
    InvalidConnectorError,
)
from connectors.models import Connector
from connectors.selectors import connectors, paused_targets, retries, serving
from connectors.services.configuring import peer_of
from connectors.services.notifying import notify
from connectors.values import DeliveryResult, Peer, Sending
from inventory_control.availability.services import (
    acknowledge,
    begin_push,
    confirm_channels,
    note_error,
    note_read_back,
    note_unconfirmed,
    queue_publications,
    to_read_back,
)
from inventory_control.availability.values import PUBLISH, PushDraft
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.doorbell import ring
from inventory_control.core.outbound_lanes import Call, Ended, Lanes
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import correlated, log
from inventory_control.notifications.services import (
    begin_sending,
    note_sent,
    note_undeliverable,
)
from inventory_control.notifications.values import NOTIFY_CUSTOMER
from inventory_control.orders.services import (
    BOOK,
    acknowledge_documents,
    acknowledged,
    refuse_document,
)
from inventory_control.outbox import permissions
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.services import (
    bury_exhausted,
    call_off,
    claim_due,
    mark_delivered,
    mark_failed,
    note_command_news,
    put_back,
    supersede,
)
from inventory_control.outbox.states import CommandStatus
from inventory_control.outbox.values import AWAITED, NOTIFY, USUAL_RETRIES, ClaimedCommand

BATCH = 50
FIGURES_AT_ONCE = 1_000
MOST_LANES = 8
"""Targets served at the same time by one worker."""
LONGEST_PUBLICATION_S = 20.0
"""A channel whose figures never rest is served by one command after the other, so that each ends
well before its lease does."""
LOOK_EVERY_S = 0.2
"""How soon, while some target answers slowly, what falls due for the others is taken up."""
NOTED_AFTER_S = 1.0
"""How long an acknowledgement may wait for others before all are noted together."""
ORDERS = frozenset({"purchase_order.create", "transfer.create"})
Delivered = tuple[ClaimedCommand, Connector, Mapping[str, Any]]
Calls = Generator[Call, Any, None]
Journey = Generator[Call, Any, Mapping[str, Any]]
_logger = log(__name__)


def deliver_due(*, by: Actor) -> int:
    """Deliver every command that is due; returns how many were acknowledged.

    A command's attempt was counted when it was claimed; what the other side may take later waits
    and is tried again, what it will never take ends dead at once. Acknowledgements are noted a
    set at a time: one lost between answer and note is sent again under the same idempotency key.
    Each target has a lane of its own: while one answers slowly, the others are served, with what
    falls due meanwhile too. One that does not answer is left alone until the next call.
    """
    require(by, permissions.RETRY)
    known = connectors()
    for command in bury_exhausted(retries=retries(known), by=by):
        _note_death(command, by)
    with Lanes(MOST_LANES) as lanes:
        round_ = _Round(lanes, known, by)
        while round_.take_up() or lanes.busy:
            round_.go_on()
        round_.note_successes()
    return round_.count


class _Round:
    """One round of deliveries: what waits in which lane, and what was acknowledged."""

    def __init__(self, lanes: Lanes, known: dict[str, Connector], by: Actor) -> None:
        self._lanes, self._known, self._by = lanes, known, by
        self._paused, self._retries = paused_targets(known), retries(known)
        self._failing: set[str] = set()
        self._waiting: dict[str, deque[ClaimedCommand]] = {}
        self._journeys: dict[str, tuple[ClaimedCommand, Connector, Journey]] = {}
        self._delivered: list[Delivered] = []
        self._noted_at = time.monotonic()
        self.count = 0

    def take_up(self) -> bool:
        """Claim commands for targets that wait for nothing, and start them; whether any were."""
        if self._lanes.are_full:
            return False
        besides = [*self._paused, *self._failing, *self._waiting]
        claimed = claim_due(BATCH, besides=besides, retries=self._retries)
        for command in claimed:
            self._waiting.setdefault(command.target, deque()).append(command)
        for target in dict.fromkeys(command.target for command in claimed):
            self._start_next(target)
        return bool(claimed)

    def go_on(self) -> None:
        """Let every delivery whose call has ended take its next step."""
        for ended in self._lanes.finished(LOOK_EVERY_S):
            self._step(ended.lane, ended)
        if time.monotonic() - self._noted_at > NOTED_AFTER_S:
            self.note_successes()

    def note_successes(self) -> None:
        """Note what was acknowledged since the last time."""
        _note_successes(self._delivered, self._by)
        self.count += len(self._delivered)
        self._delivered, self._noted_at = [], time.monotonic()

    def _start_next(self, target: str) -> None:
        while self._waiting.get(target):
            command = self._waiting[target].popleft()
            connector = serving(command.target, self._known)
            if connector is None:
                self._refuse(command, f"No connector serves {command.target}.", is_final=True)
                continue
            self._journeys[target] = command, connector, _journey(command, connector, self._by)
            self._step(target, None)
            return
        self._waiting.pop(target, None)

    def _step(self, target: str, ended: Ended | None) -> None:
        """Hand a delivery the answer it waited for; it calls again, or has come to its end."""
        command, connector, journey = self._journeys[target]
        with correlated(command.correlation_id):
            try:
                self._lanes.start(target, _resumed(journey, ended))
                return
            except StopIteration as end:
                self._delivered.append((command, connector, end.value))
            except CalledOffError as error:
                call_off(command.id, why=str(error), by=self._by)
            except DeliveryFailedError as error:
                _note_failure(connector, str(error))
                self._refuse(command, str(error), connector, is_final=False)
                self._leave_alone(target)
            except (DeliveryRefusedError, InvalidConnectorError) as error:
                _note_failure(connector, str(error))
                self._refuse(command, str(error), connector, is_final=True)
        del self._journeys[target]
        self._start_next(target)

    @transaction.atomic
    def _refuse(
        self,
        command: ClaimedCommand,
        error: str,
        connector: Connector | None = None,
        *,
        is_final: bool,
    ) -> None:
        """Note a failed attempt, and when it was the last what that means."""
        failed = mark_failed(
            command.id,
            error=error,
            is_final=is_final,
            terms=self._retries.get(command.target, USUAL_RETRIES),
            served_by=connector.code if connector else "",
            by=self._by,
        )
        if failed.status_value == CommandStatus.DEAD:
            _note_death(failed, self._by)

    def _leave_alone(self, target: str) -> None:
        """Try a target that does not answer no more in this round: its commands keep their tries."""
        self._failing.add(target)
        put_back([command.id for command in self._waiting.pop(target, ())])


def _resumed(journey: Journey, ended: Ended | None) -> Call:
    """The next call of a delivery, from what its last one came to."""
    if ended is None:
        return next(journey)
    return journey.send(ended.answer) if ended.error is None else journey.throw(ended.error)


def _journey(command: ClaimedCommand, connector: Connector, by: Actor) -> Journey:
    """One command on its way: it hands out the calls to make, and gets their answers."""
    adapter, peer = ADAPTERS.get(connector.adapter), peer_of(connector)
    if command.kind == PUBLISH:
        return (yield from _publish(command, adapter, peer, by))
    if command.kind == NOTIFY:
        return (yield from notify(command, adapter, peer))
    if command.kind == NOTIFY_CUSTOMER and (why := begin_sending(command.idempotency_key, by=by)):
        raise CalledOffError(why)
    sending = Sending(
        command.kind, command.idempotency_key, command.payload, command.correlation_id
    )
    result: DeliveryResult = yield partial(adapter.push, peer, sending)
    return result.answer


def _publish(command: ClaimedCommand, adapter: Adapter, peer: Peer, by: Actor) -> Journey:
    """Tell a channel every figure it does not show yet; the latest value is what counts.

    Each push has a key of its own: a repeat tells what is true by then, and an older version that
    comes late is ignored.
    """
    channel, key = str(command.payload["channel"]), command.idempotency_key
    told, started = 0, time.monotonic()
    while push := begin_push(channel=channel, key=key, limit=FIGURES_AT_ONCE):
        items = [
            {"sku": one.sku, "quantity": one.quantity, "version": one.version}
            for one in push.figures
        ]
        body = {"channel": channel, "items": items}
        sending = Sending(PUBLISH, f"{key}:{push.id}", body, command.correlation_id)
        try:
            yield partial(adapter.push, peer, sending)
        except (DeliveryFailedError, DeliveryRefusedError) as error:
            note_error(push, str(error))
            raise
        acknowledge(push)
        told += len(push.figures)
        yield from _read_back(push, adapter, peer, by)
        if time.monotonic() - started > LONGEST_PUBLICATION_S:
            queue_publications(by=by)
            break
    return {"figures": told}


def _read_back(push: PushDraft, adapter: Adapter, peer: Peer, by: Actor) -> Calls:
    """Ask the channel what it shows; that it cannot say so now takes nothing back."""
    asked = to_read_back(push)
    if not asked:
        return
    try:
        shown = yield partial(
            adapter.read_positions, peer, push.channel, [one.sku for one in asked]
        )
    except (DeliveryFailedError, DeliveryRefusedError) as error:
        _logger.warning("read_back.failed", channel=push.channel, error=str(error))
        return
    note_read_back(push, [one for one in asked if one.sku in shown], shown, by=by)


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
            booked = {c.idempotency_key: answer for c, _, answer in mine if c.kind == BOOK}
            acknowledge_documents(booked, by=by)
            if sent := {c.idempotency_key: a for c, _, a in mine if c.kind == NOTIFY_CUSTOMER}:
                note_sent(sent, by=by)
            if any(command.kind in AWAITED for command, _, _ in mine):
                ring("workflows")
            if told := [command for command, _, _ in mine if command.kind == PUBLISH]:
                _make_up_for(told, by)
            Connector.objects.filter(pk__in={connector.pk for _, connector, _ in mine}).update(
                last_ok_at=clock.now(), last_error=""
            )


def _note_death(command: OutboundCommand, by: Actor) -> None:
    """What it means that an instruction could not be delivered: its document is refused, nobody
    knows what the channel shows, the customer was not told; detection is to look.
    """
    if command.kind == BOOK:
        refuse_document(command.idempotency_key, error=command.error, by=by)
    if command.kind == NOTIFY_CUSTOMER:
        note_undeliverable(command.idempotency_key, error=command.error, by=by)
    if command.kind == PUBLISH:
        note_unconfirmed(command.target, by=by)
    ring("detect")


def _make_up_for(told: Sequence[ClaimedCommand], by: Actor) -> None:
    """A channel that was told everything again needs nothing of what it was not told before."""
    channels = sorted({command.target for command in told})
    is_confirmed = confirm_channels(channels, by=by)
    if is_confirmed:
        note_command_news([command.id for command in told])
    if supersede(kind=PUBLISH, targets=channels, by=by) or is_confirmed:
        ring("detect")


def _note_failure(connector: Connector, error: str) -> None:
    _logger.warning("delivery.failed", connector=connector.code, error=error)
    Connector.objects.filter(pk=connector.pk).update(
        last_error_at=clock.now(), last_error=error[:300]
    )
