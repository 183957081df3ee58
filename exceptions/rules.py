"""How bad a risk is, how soon somebody must act, and when it has changed enough to matter. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from exceptions.states import Severity, Status
from exceptions.values import NO_LIFT, PromotionAhead, QueueFilters
from inventory_control.core.errors import Refused
from inventory_control.events.values import WaitingName

RESPONSE_TIMES: Mapping[int, timedelta] = {
    Severity.CRITICAL: timedelta(hours=2),
    Severity.HIGH: timedelta(hours=8),
    Severity.MEDIUM: timedelta(days=1),
    Severity.LOW: timedelta(days=3),
}
"""How soon somebody must act, by severity."""

ADVISABLE = ("stockout", "out_of_stock")
"""The kinds that ask for replenishment: one risk under two names, see `risk_of`."""
UNMAPPED = "unmapped_identifier"
"""The kind of cases about names that nobody has mapped."""
LONGEST_NAME_KEY = 120
MATERIAL_MONEY = Decimal(1000)
"""Money at stake that makes a case one rank worse."""
MOST_MONEY = Decimal("99999999999999.99")
"""The largest amount that is kept of a risk, an advice or a request."""
MATERIAL_CHANGE = 0.2
"""Share by which the units of a risk must change before older advice is stale."""
REVIEW_DAYS = 1
"""Days between two looks at a place: an order placed after this one arrives that much later."""
COVER_MARGIN_DAYS = 3
"""Days of demand kept beyond the lead time where no level is fixed."""
HISTORY_DAYS = 56
"""Open days of demand a mean is taken over."""

ORDERS = ("urgency", "money", "closed", "latest")
_WIDER_STATUSES = ("live", "closed", "any")
_LARGEST_PAGE = 200
_FALSE, _TRUE = frozenset({"", "0", "false"}), frozenset({"1", "true"})


def severity_of(urgency: float, at_stake: Decimal) -> Severity:
    """The rank of a risk from how near it is and what it costs.

    `urgency` is 1 when the harm is happening and 0 when supply comes in time. Money beyond
    `MATERIAL_MONEY` makes it one rank worse.
    """
    rank = Severity.HIGH if urgency >= 1 else Severity.MEDIUM if urgency >= 0.5 else Severity.LOW
    return Severity(rank - 1) if at_stake >= MATERIAL_MONEY else rank


def kept_money(amount: Decimal) -> Decimal:
    """An amount as it is kept: a mistyped quantity must not keep a risk from becoming a case."""
    return max(-MOST_MONEY, min(amount, MOST_MONEY))


def response_time(severity: int) -> timedelta:
    """How soon somebody must act on a case of that rank."""
    return RESPONSE_TIMES[severity]


def due_at(seen_at: datetime, respond_within: timedelta) -> datetime:
    """When somebody must have acted on a risk seen at a moment."""
    return seen_at + respond_within


def is_material(before: int, after: int) -> bool:
    """Whether units changed by more than a fifth."""
    return abs(after - before) > MATERIAL_CHANGE * abs(before)


def has_risen(*, severity: int, units: int, new_severity: int, new_units: int) -> bool:
    """Whether a risk is another one than advice was given for: worse, or materially other units."""
    return new_severity < severity or is_material(units, new_units)


def risk_of(case_key: str) -> str:
    """The risk a case stands for: two live cases never share one.

    Running low and having run out of an item at a node are one risk with one remedy. Were they
    two, a place that runs dry while its order is on the way would be ordered for twice.
    """
    kind, _, place = case_key.partition(":")
    return f"supply:{place}" if kind in ADVISABLE else case_key


def keys_of(risk: str) -> tuple[str, ...]:
    """The case keys that stand for a risk; the inverse of `risk_of`."""
    family, _, place = risk.partition(":")
    return tuple(f"{kind}:{place}" for kind in ADVISABLE) if family == "supply" else (risk,)


def name_key(waits: WaitingName) -> str:
    """An unknown name as cases name it; one too long for that goes by its digest."""
    key = f"{waits.noun}:{waits.source}:{waits.name}"
    if len(key) <= LONGEST_NAME_KEY:
        return key
    return f"{waits.noun}:{hashlib.sha256(key.encode()).hexdigest()}"


def cover_days(available: int, daily: float) -> float | None:
    """How many days what is available lasts; None without demand."""
    return max(0, available) / daily if daily > 0 else None


def horizon_days(lead_time_days: int) -> int:
    """Days until an order that is placed at the next look would arrive."""
    return lead_time_days + REVIEW_DAYS


def shortfall(expected: int, available: int) -> int:
    """Units that will be asked for and not be there."""
    return max(0, expected - available)


def promotion_lift(promotions: Collection[PromotionAhead], at: datetime, days: int) -> Fraction:
    """What promotions add to demand in the `days` from a moment on, in days of usual demand.

    A promotion of uplift 1.5 that runs for two of them adds three. Where several run at once the
    strongest counts: their effects were never measured together.
    """
    if not promotions:
        return NO_LIFT
    until = at + timedelta(days=days)
    ahead = [one for one in promotions if one.starts_at < until and one.ends_at > at]
    edges = sorted(
        {at, until}
        | {max(at, one.starts_at) for one in ahead}
        | {min(until, one.ends_at) for one in ahead}
    )
    lift = NO_LIFT
    for start, end in pairwise(edges):
        running = [one.uplift for one in ahead if one.starts_at <= start and one.ends_at >= end]
        if running:
            lift += Fraction(max(running)) * Fraction((end - start) / timedelta(days=1))
    return lift


def margin_band(share: Decimal | None) -> str:
    """How much of the price is left of a sale: high from a half, medium from a quarter, or low."""
    if share is None:
        return "unknown"
    return "high" if share >= Decimal("0.5") else "medium" if share >= Decimal("0.25") else "low"


def brief(name: str, longest: int) -> str:
    """A name that fits: a longer one keeps its beginning and is told apart by its hash."""
    if len(name) <= longest:
        return name
    return f"{name[: longest - 13]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def serial_key(sku: str, node: str, serial: str) -> str:
    """The key of the doubt about one unit that came back to a node."""
    return brief(f"{sku}@{node}/{serial}", 180)


def window_start(until: date, closed_weekdays: Collection[int]) -> date:
    """The first day of the last `HISTORY_DAYS` open days before `until`."""
    open_weekdays = [day for day in range(1, 8) if day not in closed_weekdays]
    if not open_weekdays:
        return until - timedelta(days=HISTORY_DAYS)
    weeks, rest = divmod(HISTORY_DAYS, len(open_weekdays))
    start = until - timedelta(weeks=weeks)
    while rest:
        start -= timedelta(days=1)
        rest -= start.isoweekday() in open_weekdays
    return start


def open_days(since: date, until: date, closed_weekdays: Collection[int]) -> int:
    """How many days in [since, until) a node is open; at least 1, so that a mean exists."""
    days = max(0, (until - since).days)
    weeks, rest = divmod(days, 7)
    open_a_week = sum(1 for day in range(1, 8) if day not in closed_weekdays)
    tail = sum(
        1
        for offset in range(rest)
        if (until - timedelta(days=offset + 1)).isoweekday() not in closed_weekdays
    )
    return max(1, weeks * open_a_week + tail)


def queue_filters(query: Mapping[str, str], *, kinds: Collection[str]) -> QueueFilters:
    """What a query string asks of the queue; raises `Refused` naming a field it does not know.

    A key without a status finds live and closed cases alike, because whoever names one case
    wants to know what became of it.
    """
    key = query.get("key", "").strip()
    status = _one_of("status", query, (*_WIDER_STATUSES, *Status.values))
    status = status or ("any" if key else "live")
    severities = {severity.name.lower(): int(severity) for severity in Severity}
    severity = _one_of("severity", query, severities)
    return QueueFilters(
        status=status,
        order=_one_of("order", query, ORDERS) or _usual_order(status),
        kind=_one_of("kind", query, kinds),
        severity=severities[severity] if severity else None,
        node=query.get("node", "").strip(),
        assignee=query.get("assignee", "").strip(),
        is_past_due=_one_of("past_due", query, _FALSE | _TRUE) in _TRUE,
        sku=query.get("sku", "").strip(),
        key=key,
    )


def page_size(query: Mapping[str, str], *, usual: int = 50) -> int:
    """How many rows a reader wants at once; raises `Refused` outside 1 to 200."""
    text = query.get("limit", "") or str(usual)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _LARGEST_PAGE:
        raise Refused(f"limit must be a number from 1 to {_LARGEST_PAGE}.", field="limit")
    return int(text)


def _one_of(field: str, query: Mapping[str, str], known: Collection[str]) -> str:
    value = query.get(field, "").strip()
    if value and value not in known:
        names = ", ".join(sorted(filter(None, known)))
        raise Refused(f"{field} cannot be {value[:40]!r}; it is one of: {names}.", field=field)
    return value


def _usual_order(status: str) -> str:
    if status == "any":
        return "latest"
    return "closed" if status in ("closed", Status.RESOLVED, Status.DISMISSED) else "urgency"
