"""What passes between intake, inbox and ledger: the canonical event and what it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
LongText = Annotated[str, Meta(max_length=2000, pattern=r"^[^\x00]*$")]
Units = Annotated[int, Meta(ge=-1_000_000_000_000, le=1_000_000_000_000)]
Moment = Annotated[datetime, Meta(tz=True)]


class Corrects(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event a correction is about, by either of its keys."""

    source: Text | None = None
    source_id: Text | None = None
    business_key: Text | None = None


class CanonicalEventV1(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Version 1 of the canonical event, as the API takes it.

    `type` decides which of the other fields are needed (`events.rules.EVENT_TYPES`). Quantities
    are whole units of the item; `occurred_at` carries its offset from UTC. `order` and `line`
    name the claim an event commits, ships or releases. `causation_id` names what caused it where
    it came from (a message, a command), `correlation_id` the whole it belongs to. `system` is whose number a reported position
    is (`erp`, `oms`, `wms`, `pos` or a channel's code). `customer` is a token, never a name.
    """

    type: Text
    source_id: Text
    occurred_at: Moment
    source: Text | None = None
    schema_version: Annotated[int, Meta(ge=1, le=1)] = 1
    business_key: Text | None = None
    correlation_id: Text | None = None
    causation_id: Text | None = None
    item: Text | None = None
    node: Text | None = None
    to_node: Text | None = None
    quantity: Units | None = None
    from_state: Text | None = None
    to_state: Text | None = None
    channel: Text | None = None
    order: Text | None = None
    line: Text | None = None
    document: Text | None = None
    supplier: Text | None = None
    lot: Text | None = None
    serial: Text | None = None
    system: Text | None = None
    customer: Text | None = None
    reason: Text | None = None
    note: LongText | None = None
    due_at: Moment | None = None
    corrects: Corrects | None = None
    attributes: dict[Text, LongText | int | bool] | None = None


class ItemV2(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an event of version 2 is about: one name of the item, and which units of it."""

    sku: Text | None = None
    gtin: Text | None = None
    name: Text | None = None
    lot: Text | None = None
    serial: Text | None = None

    def __post_init__(self) -> None:
        """Refuse two names for one thing, and none."""
        if sum(one is not None for one in (self.sku, self.gtin, self.name)) != 1:
            raise ValueError("Name the item by exactly one of sku, gtin, name")


class PlaceV2(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it happened; `to_node` where a transfer goes."""

    node: Text
    to_node: Text | None = None


class StateV2(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"before": "from", "after": "to"},
):
    """From which status to which."""

    before: Text | None = None
    after: Text | None = None


class OrderV2(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The order, or the line of it, that an event is about."""

    id: Text | None = None
    line: Text | None = None


class CanonicalEventV2(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Version 2 of the canonical event: what belongs together is one object.

    Means what version 1 means; `events.rules.upcast` says which field is which.
    """

    schema_version: Literal[2]
    type: Text
    id: Text
    occurred_at: Moment
    source: Text | None = None
    business_key: Text | None = None
    correlation_id: Text | None = None
    item: ItemV2 | None = None
    place: PlaceV2 | None = None
    quantity: Units | None = None
    state: StateV2 | None = None
    order: OrderV2 | None = None
    channel: Text | None = None
    document: Text | None = None
    supplier: Text | None = None
    system: Text | None = None
    customer: Text | None = None
    reason: Text | None = None
    note: LongText | None = None
    due_at: Moment | None = None
    corrects: Corrects | None = None
    attributes: dict[Text, LongText | int | bool] | None = None


SCHEMAS: Mapping[int, type[msgspec.Struct]] = {1: CanonicalEventV1, 2: CanonicalEventV2}
"""Every version of the canonical event there is; which of them are taken is policy."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What policy says of events before they are looked at one by one.

    `accepted` are the schema versions taken, `deprecated` those on their way out with the first
    day of it; stock moves of days up to `locked_until` are settled; `suspect_types` are those
    whose repeats within a span of `suspect_within` wait for a person.
    """

    accepted: frozenset[int]
    deprecated: Mapping[int, date]
    locked_until: date | None
    suspect_types: frozenset[str]
    suspect_within: timedelta


class EventDraft(msgspec.Struct, frozen=True):
    """A valid event with its names resolved to ids, ready to be posted.

    `content` is the SHA-256 of the canonical form, by which a repeated id with other content is
    told from a duplicate, in whatever schema version it came; `correlation_id` is the event's own,
    or else that of its request. `is_settled` says that it would change a locked period.
    """

    event: CanonicalEventV1
    kind: str
    source: str
    item_id: int | None
    node_id: int | None
    to_node_id: int | None
    details: bytes
    raw: bytes
    content: bytes
    received_from: str
    correlation_id: str
    flags: tuple[str, ...] = ()
    version: int = 1
    is_settled: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Its first key."""
        return (self.source, self.event.source_id)


@dataclass(frozen=True, slots=True)
class Stated:
    """What one correction says of a fact; `event_id` None while it is not posted yet.

    `about_id` is the event it names, the fact or another correction; `quantity` None withdraws
    that one.
    """

    event_id: int | None
    about_id: int
    occurred_at: datetime
    source: str
    source_id: str
    quantity: int | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that did not become a draft: where it broke, why, and the body to keep.

    `waits_for` is the name it goes on with once somebody says what it means: a noun (`item`,
    `node`, `state`) and the name.
    """

    outcome: str
    code: str
    field: str
    reason: str
    body: bytes
    source: str = ""
    source_id: str = ""
    waits_for: tuple[str, str] | None = None


class Posted(msgspec.Struct, frozen=True):
    """What became of one draft. `event_id` is that of the first delivery for a duplicate.

    `code` and `field` say of a refused one why and where.
    """

    outcome: str
    event_id: int | None
    detail: str = ""
    code: str = ""
    field: str = ""

    def as_row(self, row: int) -> dict[str, Any]:
        """The row as the bulk API answers it."""
        answer: dict[str, Any] = {"row": row, "outcome": self.outcome}
        if self.event_id is not None:
            answer["event_id"] = str(self.event_id)
        if self.code:
            answer.update(code=self.code, field=self.field)
        if self.detail:
            answer["detail"] = self.detail
        return answer


@dataclass(frozen=True, slots=True)
class DocumentFact:
    """What one event said of a document; `quantity` is what corrections left of it.

    `is_partial` says that the sender of a receipt expects more of the same document.
    """

    type: str
    occurred_at: datetime
    item_id: int | None
    node_id: int | None
    quantity: int | None
    due_at: datetime | None
    supplier: str | None
    to_node: str | None
    asn: str | None
    to_state: str | None = None
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class EventFilters:
    """Which events a reader asked for; an empty field does not narrow.

    `since` and `until` bound when it happened, `learnt_since` and `learnt_until` when it was
    recorded. `item` is a SKU, `node` a node's code.
    """

    item: str = ""
    node: str = ""
    order: str = ""
    document: str = ""
    correlation_id: str = ""
    type: str = ""
    source: str = ""
    received_from: str = ""
    since: datetime | None = None
    until: datetime | None = None
    learnt_since: datetime | None = None
    learnt_until: datetime | None = None

    @property
    def is_windowed(self) -> bool:
        """Whether any bound of time was given."""
        return any((self.since, self.until, self.learnt_since, self.learnt_until))


@dataclass(frozen=True, slots=True)
class PositionCause:
    """A place whose position changed, with the last event that changed it, if one did."""

    item_id: int
    node_id: int
    event_id: int | None
    correlation_id: str


@dataclass(frozen=True, slots=True)
class WaitingName:
    """A name nobody knows the meaning of, and the rows that wait for it.

    `noun` says what it should name (`item`, `node`, `state`), `source` who uses it; `letter_id`
    is the oldest row that waits, `sample` the id its source gave it.
    """

    noun: str
    source: str
    name: str
    waiting: int
    since: datetime
    letter_id: int
    sample: str


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which open dead letters are meant; an empty field does not narrow."""

    source: str = ""
    code: str = ""
    field: str = ""
    outcome: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the word on a node's positions is: whose it is, when it was true, its limit.

    `limit_minutes` None: no limit is in force, so it never counts as stale.
    """

    source: str
    as_of: datetime
    limit_minutes: int | None

    def age_minutes(self, at: datetime) -> int:
        """Whole minutes since it was true; never below zero, whatever a source's clock says."""
        return max(0, int((at - self.as_of).total_seconds() // 60))

    def is_stale(self, at: datetime) -> bool:
        """Whether it is older than its limit."""
        limit = self.limit_minutes
        return limit is not None and at - self.as_of > timedelta(minutes=limit)


@dataclass(frozen=True, slots=True)
class QualityCounts:
    """What one source sent on one day: rows, and fields over its events.

    `events` were taken, `refused` could not be, `repeated` were known before; `late` are events
    that came long after they were true, or before.
    """

    events: int = 0
    refused: int = 0
    repeated: int = 0
    late: int = 0
    fields_expected: int = 0
    fields_missing: int = 0


@dataclass(frozen=True, slots=True)
class Quality:
    """The four shares of data quality and their weighted mean, each from 0 (bad) to 1 (good)."""

    completeness: float
    validity: float
    timeliness: float
    uniqueness: float
    score: float


@dataclass(frozen=True, slots=True)
class SerialFact:
    """What one event said of one unit; facts of a unit are told in order of the fold."""

    item_id: int
    serial: str
    type: str
    occurred_at: datetime
    node_id: int | None
    to_node_id: int | None
    to_state: str
    order: str
    lot: str
    supplier: str


@dataclass(frozen=True, slots=True)
class SerialStory:
    """Where the facts leave a unit. `is_unknown`: it came back and was never sold before."""

    state: str
    node_id: int | None
    occurred_at: datetime
    returned_at: datetime | None
    returned_to: int | None
    is_unknown: bool
    order: str
    lot: str
    supplier: str


@dataclass(frozen=True, slots=True)
class MasterChange:
    """Fields of one master whose latest word is new: `code` names it, the fields are its row's.

    A promotion's code is that of (promotion, item, node), see `promotion_code`.
    """

    noun: str
    code: str
    fields: Mapping[str, Any]


def promotion_code(code: str, sku: str, node: str) -> str:
    """The code a promotion of an item goes by in the fold; `node` empty means everywhere."""
    return "\x1f".join((code, sku, node))


@dataclass(frozen=True, slots=True)
class ShelfSignal:
    """A shelf that showed nothing, by its event."""

    occurred_at: datetime
    source: str
    source_id: str


@dataclass(frozen=True, slots=True)
class UnknownSerial:
    """A unit that came back although no sale of it is known."""

    serial: str
    returned_at: datetime
    lot: str


class ConsentFact(NamedTuple):
    """What a customer said once about being told anything; an empty medium or purpose means all.

    `said_at` is when it was true, or when it was learnt where the source's clock ran ahead: a
    wrong clock must not outlive a withdrawal.
    """

    event_id: int
    is_given: bool
    medium: str
    purpose: str
    said_at: datetime
    source: str
    source_id: str


class OutcomeFact(NamedTuple):
    """The latest that was said of one message: that it was delivered, or why it was not."""

    document: str
    event_id: int
    type: str
    occurred_at: datetime
    reason: str


class EventDoubts(NamedTuple):
    """Whether shelves ever told anything, and whether any unit came back unknown."""

    shelves: bool
    serials: bool


class SourceMark(NamedTuple):
    """How a source stands: `silent_since` is the moment its silence counts from."""

    code: str
    owner: str
    received_from: str
    expected_minutes: int | None
    silent_since: datetime | None
    skewed_at: datetime | None
    skewed_seconds: int
    skewed_id: str


class QualityMark(NamedTuple):
    """The scored day of a source: how many rows came, its four shares and their mean, from 0 to 1."""

    source: str
    day: date
    rows: int
    completeness: float
    validity: float
    timeliness: float
    uniqueness: float
    score: float
    policy: str


FRESHNESS, DATA_QUALITY = "freshness", "data_quality"
"""The policies about sources: after how long their word is stale, and how it is scored."""
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    FRESHNESS: {"default_minutes": None, "sources": {}, "nodes": {}},
    DATA_QUALITY: {
        "weights": {"completeness": 1, "validity": 1, "timeliness": 1, "uniqueness": 1},
        "limit": 0.9,
        "least_rows": 20,
        "late_minutes": 60,
        "skew_hours": 24,
        "score_minutes": 15,
        "expected": {
            "receipt.recorded": ["document"],
            "transfer.shipped": ["document"],
            "transfer.received": ["document"],
            "return.received": ["order"],
            "purchase_order.created": ["supplier", "due_at"],
        },
    },
}
"""No limit of age is in force until somebody names one: which silence is strange only the tenant
knows."""
