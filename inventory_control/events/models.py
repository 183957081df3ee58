"""The inbox: raw messages, canonical events, their two keys, dead letters, and who sends them.

One file although it is long: whoever reads what arrives reads all of it.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KeyTextTransform

from inventory_control.core.flow import Stateful, status_in
from inventory_control.core.tenancy import TenantModel
from inventory_control.events.states import (
    CONSENT_GIVEN,
    CONSENT_WITHDRAWN,
    DEAD_LETTER_FLOW,
    POSITION_CHANGED,
    SUSPECTABLE,
    DeadLetterStatus,
    Kind,
    MessageStatus,
    SerialState,
)


class InboundMessage(TenantModel):
    """A webhook body exactly as it came, kept before anything is made of it.

    `delivery_id` makes a redelivery of the sender one row. Attempts are counted at the claim;
    the fifth failure ends in a dead letter.
    """

    connector = models.CharField(max_length=40)
    delivery_id = models.CharField(max_length=200)
    received_at = models.DateTimeField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    status = models.CharField(
        max_length=8, choices=MessageStatus.choices, default=MessageStatus.DUE
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True, default="")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["connector", "delivery_id"], name="delivery_once"),
            status_in(MessageStatus.values, name="message_status"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(status=MessageStatus.DUE), name="message_due")
        ]

    def __str__(self) -> str:
        return f"{self.connector} {self.delivery_id}"


class InventoryEvent(TenantModel):
    """One canonical fact: what happened, to which item, where, when it was true and when learnt.

    `raw` is the row as it arrived, `details` the normalised fields that have no column.
    `corrects` is set on corrections only: the fact they are about, also where they name another
    correction of it. What stands of a fact is in `Correction`.

    Every index is paid for at every posting, so there are few. Items and documents are asked for
    all the time by the product itself; orders are looked up by people, and only events that name
    one are in that index. Everything else a search may ask for (a window of time, a correlation,
    a node, a type, a source) shares one summary of block ranges: rows of one cause lie together,
    a new row is checked against no summary until its range is full, and a lookup reads the
    summary, some thousandth of the table, and the ranges that may match.
    """

    source = models.TextField()
    source_id = models.TextField()
    business_key = models.TextField(null=True)  # noqa: DJ001 - null is "has none"
    type = models.TextField()
    kind = models.TextField(choices=Kind.choices)
    schema_version = models.PositiveSmallIntegerField(default=1)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    item = models.ForeignKey(
        "catalog.Item", on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False
    )
    node = models.ForeignKey(
        "catalog.Node", on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False
    )
    quantity = models.BigIntegerField(null=True)
    details = models.JSONField(default=dict)
    raw = models.BinaryField()
    received_from = models.TextField()
    correlation_id = models.TextField()
    flags = ArrayField(models.TextField(), default=list)
    corrects = models.BigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["item", "node", "occurred_at"], name="event_of_item"),
            models.Index(
                fields=["corrects"], condition=Q(corrects__isnull=False), name="event_corrects"
            ),
            models.Index(
                fields=["type", "occurred_at"],
                condition=Q(kind=Kind.SIGNAL),
                name="event_signals",
            ),
            models.Index(
                KeyTextTransform("document", "details"),
                "occurred_at",
                condition=Q(details__has_key="document"),
                name="event_of_document",
            ),
            models.Index(
                KeyTextTransform("order", "details"),
                "occurred_at",
                condition=Q(details__has_key="order"),
                name="event_of_order",
            ),
            BrinIndex(
                fields=[
                    "recorded_at",
                    "occurred_at",
                    "correlation_id",
                    "node",
                    "type",
                    "source",
                    "received_from",
                ],
                opclasses=[
                    "timestamptz_minmax_ops",
                    "timestamptz_minmax_ops",
                    "text_bloom_ops (n_distinct_per_range = 500)",
                    "int8_bloom_ops (n_distinct_per_range = 50)",
                    *("text_bloom_ops (n_distinct_per_range = 50)",) * 3,
                ],
                pages_per_range=32,
                autosummarize=True,
                name="event_summary",
            ),
            models.Index(
                KeyTextTransform("document", "details"),
                "item",
                "node",
                condition=Q(type__in=SUSPECTABLE),
                name="event_of_message",
            ),
            models.Index(
                KeyTextTransform("serial", "details"),
                "item",
                condition=Q(details__has_key="serial"),
                name="event_of_serial",
            ),
            models.Index(
                KeyTextTransform("customer", "details"),
                "occurred_at",
                condition=Q(type__in=(CONSENT_GIVEN, CONSENT_WITHDRAWN)),
                name="event_of_consent",
            ),
            # Rows come in order of this column, so a block range finds a day for next to nothing.
            BrinIndex(fields=["recorded_at"], name="event_of_day", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.source}:{self.source_id}"


class SourceKey(TenantModel):
    """The first key of an event: one (source, id) is one event, for ever."""

    pk = models.CompositePrimaryKey("source", "source_id")
    source = models.TextField()
    source_id = models.TextField()
    event_id = models.BigIntegerField()
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.source}:{self.source_id}"


class BusinessKey(TenantModel):
    """The second key: one fact (document, line, leg), whatever roads it came by."""

    key = models.TextField(primary_key=True)
    event_id = models.BigIntegerField()

    def __str__(self) -> str:
        return self.key


class Correction(TenantModel):
    """What one correction says of a fact, and whether that is what stands.

    `about_id` is the event it names: the fact, or another correction of it. `quantity` takes the
    fact's place, null withdraws the event it names. `change` is by how many units the fact was
    changed when this was posted; all of a fact sum up to what stands. At most one of a fact
    stands (`events.rules.standing`); where none does, the fact stands as it was told.
    """

    event_id = models.BigIntegerField(primary_key=True)
    fact_id = models.BigIntegerField()
    about_id = models.BigIntegerField()
    quantity = models.BigIntegerField(null=True)
    change = models.BigIntegerField()
    is_standing = models.BooleanField(default=False)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["fact_id"], condition=Q(is_standing=True), name="correction_stands_once"
            )
        ]
        indexes = [
            models.Index(fields=["fact_id"], name="correction_of_fact"),
            models.Index(fields=["about_id"], name="correction_about"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of event {self.fact_id}"


class HeldEvent(TenantModel):
    """A correction that came before the event it corrects; posted when that one arrives."""

    source = models.TextField()
    source_id = models.TextField()
    waits_for = models.TextField()
    held_at = models.DateTimeField()
    received_from = models.TextField()
    raw = models.BinaryField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["source", "source_id"], name="held_once")]
        indexes = [models.Index(fields=["waits_for"], name="held_waits_for")]

    def __str__(self) -> str:
        return f"{self.source}:{self.source_id} waits for {self.waits_for}"


class DeadLetter(Stateful):
    """A row that could not become an event: its body, where it broke and why, until a person acts.

    `code` is machine-readable, `field` the path of the offending input, `outcome` what the row
    was counted as. A row that names something unknown waits for that name (`waits_noun`,
    `waits_name`) and goes on by itself; `is_told` says that detection has seen it wait. Never
    posted as it is, never dropped.
    """

    flow = DEAD_LETTER_FLOW

    source = models.TextField()
    source_id = models.TextField(blank=True, default="")
    received_from = models.TextField()
    received_at = models.DateTimeField()
    outcome = models.CharField(max_length=16)
    code = models.CharField(max_length=40)
    field = models.CharField(max_length=120, blank=True, default="")
    reason = models.TextField()
    body = models.BinaryField()
    content = models.BinaryField()
    seen = models.PositiveIntegerField(default=1)
    status = models.CharField(
        max_length=10, choices=DeadLetterStatus.choices, default=DeadLetterStatus.OPEN
    )
    decided_reason = models.TextField(blank=True, default="")
    waits_noun = models.CharField(max_length=8, blank=True, default="")
    waits_name = models.TextField(blank=True, default="")
    is_told = models.BooleanField(default=False)

    class Meta(Stateful.Meta):
        constraints = [
            models.UniqueConstraint(fields=["received_from", "content"], name="dead_letter_once"),
            status_in(DeadLetterStatus.values, name="dead_letter_status"),
        ]
        indexes = [
            models.Index(
                fields=["-id"], condition=Q(status=DeadLetterStatus.OPEN), name="dead_letter_open"
            ),
            models.Index(
                fields=["source", "-id"],
                condition=Q(status=DeadLetterStatus.OPEN),
                name="dead_letter_of_source",
            ),
            models.Index(
                fields=["code", "-id"],
                condition=Q(status=DeadLetterStatus.OPEN),
                name="dead_letter_of_code",
            ),
            models.Index(
                fields=["waits_noun", "waits_name", "source", "id"],
                condition=Q(status=DeadLetterStatus.OPEN) & ~Q(waits_noun=""),
                name="dead_letter_waits",
            ),
            models.Index(
                fields=["id"],
                condition=Q(status=DeadLetterStatus.OPEN, is_told=False) & ~Q(waits_noun=""),
                name="dead_letter_untold",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.source}:{self.source_id}"


class Redelivery(TenantModel):
    """A batch in which events we know came again: how many, from whom, when.

    They change nothing and leave no other trace; a source that repeats itself shows here.
    """

    source = models.TextField(default="")
    received_from = models.TextField()
    received_at = models.DateTimeField()
    events = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.events} again from {self.received_from}"


class EventWork(TenantModel):
    """An event one consumer still has to deal with; each consumer has its own row, so that one
    failing does not stop the others. Gone when done; dead after the fifth failure.
    """

    consumer = models.TextField()
    event = models.ForeignKey(
        InventoryEvent, on_delete=models.CASCADE, related_name="work", db_constraint=False
    )
    noted_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True, default="")

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["consumer", "id"], condition=Q(attempts__lt=5), name="work_due"),
            models.Index(fields=["id"], condition=Q(attempts__gte=5), name="work_dead"),
        ]

    def __str__(self) -> str:
        return f"{self.consumer} of {self.event_id}"


class Subscription(TenantModel):
    """What one subscriber wants to be told: types of events, of which items, at which nodes.

    `code` is that of the connector it is told through, `owner` who answers for it. `types` holds
    canonical types and `position.changed`; empty `items` or `nodes` mean all. A paused
    subscription is told nothing of the time it was paused.
    """

    code = models.SlugField(max_length=40, unique=True)
    owner = models.CharField(max_length=120, blank=True, default="")
    types = ArrayField(models.TextField())
    items = ArrayField(models.BigIntegerField(), default=list, blank=True)
    nodes = ArrayField(models.BigIntegerField(), default=list, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta(TenantModel.Meta):
        ordering = ("code",)

    def __str__(self) -> str:
        return self.code


class Notice(TenantModel):
    """One thing a subscriber is still to be told; gone once it took it.

    A changed position has one notice per subscriber, item and node, however often it changes
    before it is told: `version` rises with each change, and what is told is the position as it
    is then. `event_id` is the event told of, or the last that changed the position.
    """

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="notices", db_index=False
    )
    type = models.TextField()
    item_id = models.BigIntegerField(null=True)
    node_id = models.BigIntegerField(null=True)
    event_id = models.BigIntegerField(null=True)
    correlation_id = models.TextField()
    noted_at = models.DateTimeField()
    version = models.BigIntegerField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "item_id", "node_id"],
                condition=Q(type=POSITION_CHANGED),
                name="notice_of_position",
            ),
            models.UniqueConstraint(
                fields=["subscription", "event_id"],
                condition=~Q(type=POSITION_CHANGED),
                name="notice_of_event",
            ),
        ]
        indexes = [models.Index(fields=["subscription", "id"], name="notice_to_tell")]

    def __str__(self) -> str:
        return f"{self.type} for {self.subscription_id}"


class Source(TenantModel):
    """A system whose events arrive here, who answers for it, and when it was last heard (EVT-04).

    Made when it first speaks, or when somebody names its owner before. `received_from` is the
    credential or connector that delivered for it last. `expected_minutes` None: nobody minds its
    silence, which else counts from `expected_since` on. The `last_..._id` are how far the inbox
    was rolled up; `skewed_...` tell of the latest event its clock dated into the future.
    `look_at` is when time alone may change what is to be said of it, `is_noted` that detection
    has not looked since.
    """

    code = models.TextField(unique=True)
    owner = models.CharField(max_length=120, blank=True, default="")
    received_from = models.TextField(default="")
    expected_minutes = models.PositiveIntegerField(null=True)
    expected_since = models.DateTimeField(null=True)
    last_event_id = models.BigIntegerField(default=0)
    last_letter_id = models.BigIntegerField(default=0)
    last_repeat_id = models.BigIntegerField(default=0)
    last_occurred_at = models.DateTimeField(null=True)
    last_received_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)
    skewed_at = models.DateTimeField(null=True)
    skewed_seconds = models.BigIntegerField(default=0)
    skewed_id = models.TextField(default="")
    scored_at = models.DateTimeField(null=True)
    look_at = models.DateTimeField(null=True)
    is_noted = models.BooleanField(default=False)

    class Meta(TenantModel.Meta):
        ordering = ("code",)
        indexes = [
            models.Index(fields=["look_at"], condition=Q(look_at__isnull=False), name="source_due"),
            models.Index(fields=["code"], condition=Q(is_noted=True), name="source_noted"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def silent_since(self) -> datetime | None:
        """The moment its silence counts from."""
        moments = [one for one in (self.last_received_at, self.expected_since) if one]
        return max(moments, default=None)


class Feed(TenantModel):
    """What a source last told of a node: how old the positions there are (LED-27)."""

    pk = models.CompositePrimaryKey("node_id", "source")
    node_id = models.BigIntegerField()
    source = models.TextField()
    last_occurred_at = models.DateTimeField()
    last_received_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.source} of {self.node_id}"


class QualityDay(TenantModel):
    """How good the data of a source was on one day of receipt (UTC), see `rules.quality_of`.

    `fields_expected` and `fields_missing` count fields over the events of the day, everything
    else rows. The shares and the score go from 0 to 1.
    """

    pk = models.CompositePrimaryKey("source", "day")
    source = models.TextField()
    day = models.DateField()
    events = models.BigIntegerField()
    refused = models.BigIntegerField()
    repeated = models.BigIntegerField()
    late = models.BigIntegerField()
    fields_expected = models.BigIntegerField()
    fields_missing = models.BigIntegerField()
    completeness = models.FloatField()
    validity = models.FloatField()
    timeliness = models.FloatField()
    uniqueness = models.FloatField()
    score = models.FloatField()
    policy = models.TextField()
    scored_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.source} on {self.day}: {self.score:.2f}"


class MasterFact(TenantModel):
    """The latest that events said of one field of a master: what decides when they disagree.

    (`occurred_at`, `source`, `source_id`) is the place of that event in the fold.
    """

    pk = models.CompositePrimaryKey("noun", "code", "field")
    noun = models.TextField()
    code = models.TextField()
    field = models.TextField()
    value = models.JSONField(null=True)
    occurred_at = models.DateTimeField()
    source = models.TextField()
    source_id = models.TextField()

    def __str__(self) -> str:
        return f"{self.field} of {self.noun} {self.code}"


class Serial(TenantModel):
    """One unit of an item, by its serial number: where it was last, and whether we ever sold it.

    Folded from the events that name it, see `rules.serial_story`. `is_unknown`: it came back
    although no sale of it is known; `returned_to` is the node it came back to.
    """

    pk = models.CompositePrimaryKey("item_id", "serial")
    item_id = models.BigIntegerField()
    serial = models.TextField()
    state = models.CharField(max_length=12, choices=SerialState.choices)
    node_id = models.BigIntegerField(null=True)
    lot = models.TextField(default="")
    supplier = models.TextField(default="")
    order = models.TextField(default="")
    is_unknown = models.BooleanField(default=False)
    returned_at = models.DateTimeField(null=True)
    returned_to = models.BigIntegerField(null=True)
    occurred_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["item_id", "returned_to"],
                condition=Q(is_unknown=True),
                name="serial_unknown",
            )
        ]

    def __str__(self) -> str:
        return f"{self.serial} of {self.item_id}"


class ShelfWord(TenantModel):
    """The latest that a shelf said of an item at a node (EVT-22); never a reason to change books.

    (`occurred_at`, `source`, `source_id`) is the place of that event in the fold.
    """

    pk = models.CompositePrimaryKey("item_id", "node_id")
    item_id = models.BigIntegerField()
    node_id = models.BigIntegerField()
    is_empty = models.BooleanField()
    occurred_at = models.DateTimeField()
    source = models.TextField()
    source_id = models.TextField()

    def __str__(self) -> str:
        return f"{self.item_id} at {self.node_id}: {'empty' if self.is_empty else 'there'}"
