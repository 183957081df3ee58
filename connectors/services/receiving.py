"""Receiving: a webhook is kept before it is answered, and becomes events behind the answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec
from django.db import DatabaseError, connection, transaction

from connectors.adapters import ADAPTERS
from connectors.errors import BadSignatureError, UnknownConnectorError
from connectors.models import Connector
from connectors.selectors import connectors
from connectors.services.configuring import peer_of
from inventory_control.core import clock
from inventory_control.core.actors import Actor, ActorKind
from inventory_control.core.doorbell import ring
from inventory_control.core.errors import DomainError
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import log, security_log
from inventory_control.events import permissions
from inventory_control.events.models import InboundMessage
from inventory_control.events.services import park
from inventory_control.events.states import MessageStatus, Outcome
from inventory_control.events.values import Refusal
from inventory_control.stock.services import post_rows

BATCH = 50
LAST_ATTEMPT = 5
KEPT_HEADERS = frozenset({"webhook-id", "webhook-timestamp", "content-type", "user-agent"})
_logger = log(__name__)
_KEEP = """
    INSERT INTO events_inboundmessage (
        connector, delivery_id, received_at, headers, body, status, attempts, error
    )
    VALUES (%s, %s, %s, %s::jsonb, %s, 'due', 0, '')
    ON CONFLICT (connector, delivery_id) DO UPDATE SET connector = excluded.connector
    RETURNING id
"""
_CLAIM = """
    UPDATE events_inboundmessage SET attempts = attempts + 1
     WHERE id IN (
               SELECT id FROM events_inboundmessage
                WHERE status = 'due' AND id > %s
                ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
           )
    RETURNING id
"""


@transaction.atomic
def receive_webhook(*, code: str, headers: Mapping[str, str], body: bytes) -> int:
    """Keep a genuine delivery and return its message id; a redelivery returns the first one's.

    Nothing is stored of what is not genuine. Raises `UnknownConnectorError`, `BadSignatureError`.
    """
    connector = Connector.objects.filter(code=code).first()
    if connector is None:
        raise UnknownConnectorError
    try:
        envelope = ADAPTERS.get(connector.adapter).verify(peer_of(connector), headers, body)
    except BadSignatureError:
        security_log("webhook.refused", connector=code)
        raise
    kept = {name: value for name, value in headers.items() if name.lower() in KEPT_HEADERS}
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [code, envelope.delivery_id, clock.now(), _as_json(kept), body])
        (message_id,) = cursor.fetchone()
    ring("intake")
    return int(message_id)


def take_in(*, by: Actor) -> int:
    """Turn every kept message into posted events; returns the messages done.

    The attempt is counted before the try, in a transaction of its own, so that a killed worker
    counts; a message that fails for the fifth time ends as a dead letter with its body.
    """
    require(by, permissions.WRITE)
    done, last = 0, 0
    while claimed := _claim(last):
        last = claimed[-1]
        for message_ids in _chunks(claimed):
            try:
                done += _take(message_ids)
            except (DomainError, DatabaseError) as error:
                _logger.warning("message.batch_failed", messages=len(message_ids), error=str(error))
                done += sum(_take_alone(one) for one in message_ids)
    return done


def _chunks(claimed: Sequence[int]) -> list[Sequence[int]]:
    return [claimed[start : start + BATCH] for start in range(0, len(claimed), BATCH)]


@transaction.atomic
def _claim(last: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [last, 4 * BATCH])
        return sorted(pk for (pk,) in cursor.fetchall())


@transaction.atomic
def _take(message_ids: Sequence[int]) -> int:
    """Draft and post the events of some messages together, and mark them done."""
    messages = list(
        InboundMessage.objects.select_for_update(skip_locked=True)
        .filter(pk__in=message_ids, status=MessageStatus.DUE)
        .order_by("pk")
    )
    known = connectors()
    rows: dict[str, list[bytes]] = defaultdict(list)
    for message in messages:
        connector = known.get(message.connector)
        if connector is None:
            raise UnknownConnectorError
        rows[message.connector] += ADAPTERS.get(connector.adapter).parse(
            peer_of(connector), bytes(message.body)
        )
    for code, mine in rows.items():
        _post(code, mine)
    InboundMessage.objects.filter(pk__in=[message.pk for message in messages]).update(
        status=MessageStatus.DONE
    )
    return len(messages)


def _post(code: str, rows: Sequence[bytes]) -> None:
    by = Actor(
        kind=ActorKind.CONNECTOR, id=code, name=code, permissions=frozenset({permissions.WRITE})
    )
    post_rows(rows, received_from=code, may_speak_for=lambda source: source == code, by=by)


def _take_alone(message_id: int) -> int:
    """One message by itself; the fifth failure gives it up."""
    try:
        return _take([message_id])
    except (DomainError, DatabaseError) as error:
        _note_failure(message_id, str(error))
        return 0


@transaction.atomic
def _note_failure(message_id: int, error: str) -> None:
    message = InboundMessage.objects.select_for_update().get(pk=message_id)
    message.error = error[:500]
    if message.attempts >= LAST_ATTEMPT:
        message.status = MessageStatus.DEAD
        park(
            [
                Refusal(
                    outcome=Outcome.QUARANTINED,
                    code="unreadable_message",
                    field="",
                    reason=error,
                    body=bytes(message.body),
                    source=message.connector,
                    source_id=message.delivery_id,
                )
            ],
            received_from=message.connector,
        )
    message.save(update_fields=["error", "status"])


def _as_json(headers: Mapping[str, str]) -> str:
    return msgspec.json.encode(headers).decode()
