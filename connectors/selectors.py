"""Questions about connectors: who is there, what waits, how they are, what a replay covers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from connectors.errors import UnknownReplayError
from connectors.models import Connector, LegalHold, Replay
from connectors.rules import retry_terms
from connectors.states import LegalHoldStatus, ReplayStatus
from connectors.values import HeldScope, ReplayScope
from inventory_control.catalog.models import Item, Node
from inventory_control.core import clock
from inventory_control.core.sql import named_statements
from inventory_control.events.models import DeadLetter, InboundMessage, Notice
from inventory_control.events.rules import OLDEST_ACCEPTED
from inventory_control.events.selectors import COUNTED_UP_TO, subscriptions
from inventory_control.events.states import DeadLetterStatus, MessageStatus, Outcome
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.selectors import commands_about
from inventory_control.outbox.states import CommandStatus
from inventory_control.outbox.values import SUBSCRIPTION, RetryTerms

NEED_A_PERSON = ("content_conflict", "foreign_source", "not_permitted", "unreadable_message")
"""Why a dead letter is no part of a replay; an unreadable message is, as the message it was."""
SUPPLIER = "supplier:"
"""How a target that is a supplier begins."""
_SQL = named_statements(Path(__file__).with_name("replays.sql"))


@dataclass(frozen=True, slots=True)
class Health:
    """How one connector does: what waits for it, what died, when it last answered."""

    code: str
    name: str
    is_paused: bool
    waiting: int
    dead: int
    last_ok_at: datetime | None
    last_error_at: datetime | None
    last_error: str


def connectors() -> dict[str, Connector]:
    """Every connector by its code."""
    return {connector.code: connector for connector in Connector.objects.all()}


def serving(target: str, known: dict[str, Connector]) -> Connector | None:
    """The connector behind a target: of that code, or the one whose channels name it.

    A supplier is reached by the connector whose `suppliers` name it, or else through the ERP.
    """
    if target in known:
        return known[target]
    if target.startswith(SUPPLIER):
        code = target.removeprefix(SUPPLIER)
        own = (one for one in known.values() if code in one.settings.get("suppliers", ()))
        return next(own, known.get("erp"))
    for connector in known.values():
        if target in connector.settings.get("channels", ()):
            return connector
    return None


def retries(known: dict[str, Connector]) -> dict[str, RetryTerms]:
    """How often targets are tried whose connectors say so; the others are tried as usual."""
    terms: dict[str, RetryTerms] = {}
    for connector in known.values():
        own = retry_terms(connector.settings)
        if own is not None:
            channels = connector.settings.get("channels", ())
            suppliers = [f"{SUPPLIER}{one}" for one in connector.settings.get("suppliers", ())]
            terms |= dict.fromkeys([connector.code, *channels, *suppliers], own)
    return terms


def paused_targets(known: dict[str, Connector]) -> list[str]:
    """Targets whose commands wait because their connector is paused."""
    paused = [connector for connector in known.values() if connector.is_paused]
    if not paused:
        return []
    suppliers = OutboundCommand.objects.filter(
        status=CommandStatus.DUE, target__startswith=SUPPLIER
    ).values_list("target", flat=True)
    return sorted(
        {connector.code for connector in paused}
        | {channel for connector in paused for channel in connector.settings.get("channels", ())}
        | {target for target in suppliers.distinct() if serving(target, known) in paused}
    )


def is_intake_due() -> bool:
    """Whether kept messages wait to become events."""
    return InboundMessage.objects.filter(status=MessageStatus.DUE).exists()


def is_delivery_due() -> bool:
    """Whether a command still has to leave, now or after a retry; paused ones rest."""
    return (
        OutboundCommand.objects.filter(status=CommandStatus.DUE)
        .exclude(target__in=paused_targets(connectors()))
        .exists()
    )


def health() -> list[Health]:
    """How every connector does."""
    known = connectors()
    return [
        Health(
            code=connector.code,
            name=connector.name,
            is_paused=connector.is_paused,
            waiting=_count(connector.code, CommandStatus.DUE),
            dead=_count(connector.code, CommandStatus.DEAD),
            last_ok_at=connector.last_ok_at,
            last_error_at=connector.last_error_at,
            last_error=connector.last_error,
        )
        for connector in known.values()
    ]


def _count(target: str, status: str) -> int:
    return OutboundCommand.objects.filter(target=target, status=status)[:1000].count()


def standing_holds() -> list[HeldScope]:
    """Every legal hold that stands, the oldest first."""
    rows = LegalHold.objects.filter(status=LegalHoldStatus.STANDING).order_by("pk")
    return [
        HeldScope(row.pk, row.source, row.item_id, row.since, row.until, row.reason) for row in rows
    ]


def legal_holds(*, before: int | None = None, limit: int = 50) -> list[LegalHold]:
    """A page of legal holds, newest first."""
    holds = LegalHold.objects.select_related("item").order_by("-pk")
    if before is not None:
        holds = holds.filter(pk__lt=before)
    return list(holds[:limit])


def scope_of(replay: Replay) -> ReplayScope:
    """What a replay covers."""
    return ReplayScope(replay.source, replay.type, replay.since, replay.until, replay.event_id)


def ceilings() -> tuple[int, int, int]:
    """The newest event, message and dead letter there is."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["ceilings"])
        events, messages, letters = cursor.fetchone()
    return int(events), int(messages), int(letters)


def count_events(scope: ReplayScope, *, last: int) -> tuple[int, int, int]:
    """How many events a scope holds up to the id `last`, and the ids of its first and its last."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["count_events"], _parameters(scope, last))
        count, first, latest = cursor.fetchone()
    return int(count), int(first), int(latest)


def next_events(
    scope: ReplayScope, *, after: int, last: int, limit: int
) -> list[tuple[int, str, str, bytes]]:
    """Events of a scope beyond an id, in order: (id, who delivered it, source, raw body)."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["next_events"], {**_parameters(scope, last), "after": after, "limit": limit}
        )
        return [(pk, sender, source, bytes(raw)) for pk, sender, source, raw in cursor.fetchall()]


def hold_on_events(scope: ReplayScope, *, after: int, last: int) -> int | None:
    """The id of the first standing hold on events of a scope beyond an id."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL["hold_on_events"], {**_parameters(scope, last), "after": after})
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def messages_within(scope: ReplayScope, *, after: int, last: int) -> QuerySet[InboundMessage]:
    """Messages of a scope that were taken in or given up, in order; those that wait are not."""
    if scope.event_id is not None:
        return InboundMessage.objects.none()
    found = InboundMessage.objects.filter(pk__gt=after, pk__lte=last).exclude(
        status=MessageStatus.DUE
    )
    return _received_within(found, scope, "connector")


def letters_within(scope: ReplayScope, *, after: int, last: int) -> QuerySet[DeadLetter]:
    """Open dead letters of a scope whose cause may have been mended, in order.

    Those that contradict a known event or lack a right need a person's word each.
    """
    if scope.event_id is not None:
        return DeadLetter.objects.none()
    found = DeadLetter.objects.filter(
        pk__gt=after,
        pk__lte=last,
        status=DeadLetterStatus.OPEN,
        outcome__in=(Outcome.QUARANTINED, Outcome.UNMAPPED),
    ).exclude(code__in=NEED_A_PERSON)
    return _received_within(found, scope, "source")


def replay_of(pk: int) -> Replay:
    """One replay; raises `UnknownReplayError`."""
    replay = Replay.objects.filter(pk=pk).first()
    if replay is None:
        raise UnknownReplayError
    return replay


def replays(*, before: int | None = None, limit: int = 50) -> list[Replay]:
    """A page of replays, newest first."""
    found = Replay.objects.order_by("-pk")
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found[:limit])


def is_replay_due() -> bool:
    """Whether a replay was started and is not through."""
    return Replay.objects.filter(status=ReplayStatus.RUNNING).exists()


def _received_within(found: Any, scope: ReplayScope, source_field: str) -> Any:
    if scope.source:
        found = found.filter(**{source_field: scope.source})
    if scope.since:
        found = found.filter(received_at__gte=scope.since)
    if scope.until:
        found = found.filter(received_at__lt=scope.until)
    return found.order_by("pk")


def _parameters(scope: ReplayScope, last: int) -> dict[str, Any]:
    return {**asdict(scope), "last": last, "oldest": clock.now() - OLDEST_ACCEPTED}


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A subscription with its connector: what it is told, what waits for it, how it does."""

    code: str
    name: str
    url: str
    owner: str
    types: list[str]
    items: list[str]
    nodes: list[str]
    is_active: bool
    waiting: int
    last_ok_at: datetime | None
    last_error_at: datetime | None
    last_error: str


def subscribers() -> list[Subscriber]:
    """Every subscriber, by code; what waits is counted up to `COUNTED_UP_TO`."""
    known, found = connectors(), subscriptions()
    skus = dict(
        Item.objects.filter(pk__in={pk for one in found for pk in one.items}).values_list(
            "pk", "sku"
        )
    )
    codes = dict(
        Node.objects.filter(pk__in={pk for one in found for pk in one.nodes}).values_list(
            "pk", "code"
        )
    )
    return [
        Subscriber(
            code=one.code,
            name=known[one.code].name,
            url=known[one.code].url,
            owner=one.owner,
            types=one.types,
            items=sorted(skus[pk] for pk in one.items),
            nodes=sorted(codes[pk] for pk in one.nodes),
            is_active=one.is_active,
            waiting=one.notices.all()[:COUNTED_UP_TO].count(),
            last_ok_at=known[one.code].last_ok_at,
            last_error_at=known[one.code].last_error_at,
            last_error=known[one.code].last_error,
        )
        for one in found
    ]


@dataclass(frozen=True, slots=True)
class Untold:
    """One thing a subscriber is still to be told."""

    type: str
    sku: str
    node: str
    event_id: int | None
    noted_at: datetime


def waiting_notices(code: str, *, limit: int = 50) -> list[Untold]:
    """What waits longest for a subscriber, in the order it will be told."""
    found = list(Notice.objects.filter(subscription__code=code).order_by("pk")[:limit])
    skus = Item.objects.in_bulk({one.item_id for one in found if one.item_id})
    codes = Node.objects.in_bulk({one.node_id for one in found if one.node_id})
    return [
        Untold(
            type=one.type,
            sku=skus[one.item_id].sku if one.item_id else "",
            node=codes[one.node_id].code if one.node_id else "",
            event_id=one.event_id,
            noted_at=one.noted_at,
        )
        for one in found
    ]


def tellings(code: str, *, limit: int = 20) -> list[OutboundCommand]:
    """The last times a subscriber was told, or was tried to be, newest first."""
    return list(commands_about((SUBSCRIPTION, code)).order_by("-pk")[:limit])
