"""Old parts of a ledger go; what they came to stays, and no figure changes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.db.utils import ProgrammingError

from connectors.services import lift_hold, place_hold
from inventory_control.audit.models import AuditEntry
from inventory_control.core import clock
from inventory_control.core.tenancy import in_public, in_tenant
from inventory_control.events.models import DeadLetter, InventoryEvent
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.services import set_policy
from inventory_control.provisioning import provision
from inventory_control.reconciliation.models import Comparison, SignOff
from inventory_control.stock.errors import (
    BeforeHorizonError,
    InvalidTermsError,
    NotRetirableError,
)
from inventory_control.stock.models import (
    Assertion,
    LedgerDay,
    LedgerEntry,
    LedgerWatermark,
    StockBalance,
)
from inventory_control.stock.rules import LEAST_YEARS, check_retention
from inventory_control.stock.selectors import (
    item_series,
    ledger_digest,
    ledger_horizon,
    ledger_parts,
    position_as_of,
    positions_as_of,
)
from inventory_control.stock.services import (
    add_up_days,
    rebuild_balances,
    retire_due,
    retire_ledger,
    settle_count,
    split_ledger,
)
from inventory_control.timelines.selectors import page_of_event
from tenants.models import Partner
from tenants.services import create_tenant
from tests.factories import SYSTEM, event, item, node, outcomes, send
from workflows.services import configure

FIRST = datetime(2010, 5, 4, 9, tzinfo=UTC)
"""When the oldest part of the ledgers below begins; the second is of a year later."""
YEAR = timedelta(days=365)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
AFTER_FIRST = FIRST + 30 * DAY
TODAY = datetime.now(UTC).date()
KEEP = {"years": LEAST_YEARS}


@pytest.fixture
def old(house, django_db_blocker) -> Iterator[Any]:
    """A tenant of its own with three small parts: 2010, 2011, and the one still open."""
    with django_db_blocker.unblock():
        with in_public():
            label = f"r{datetime.now(UTC):%H%M%S%f}"
            row = create_tenant(
                partner=Partner.objects.get(),
                name=label,
                label=label,
                domain=f"{label}.localhost",
                seed="#7a2e2e",
                is_sandbox=False,
            )
        ref = provision(row)
        with in_tenant(ref):
            for start, sold in ((FIRST, 12), (FIRST + YEAR, 5)):
                fill(ref, start, sold)
            outcomes(event("sale.recorded", 1, source_id="recent"))
            add_up()
            yield ref
        connections.close_all()


def fill(ref: Any, start: datetime, sold: int) -> None:
    """One part: goods come in with and without a lot, are sold, counted, sold again, damaged."""
    with clock.frozen_at(start):
        if start == FIRST:
            item()
            node()
        outcomes(
            event("receipt.recorded", 40, occurred_at=start, source_id=f"in-{start.year}"),
            event("receipt.recorded", 6, occurred_at=start + HOUR, lot="L1"),
            event("sale.recorded", sold, occurred_at=start + 2 * HOUR),
            event("stock.counted", 35, occurred_at=start + 3 * HOUR),
            event("sale.recorded", 3, occurred_at=start + 4 * HOUR, source_id=f"s-{start.year}"),
            event("damage.recorded", 2, occurred_at=start + 5 * HOUR),
        )
        for one in Assertion.objects.filter(verdict="pending"):
            settle_count(event_id=one.pk, verdict="approved", reason="counted twice", by=SYSTEM)
    know_rows(ref)
    assert split_ledger(by=SYSTEM, most=1)


def know_rows(ref: Any) -> None:
    """Have the server count the rows of the open part now, as it does by itself every minute."""
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as session:
        session.execute(f"ANALYZE {ref.schema_name}.stock_ledgerentry_default")
        session.execute("SELECT pg_stat_force_next_flush()")


def add_up() -> None:
    """Look until everything posted before a minute ago is in its day."""
    patience, ahead = time.monotonic() + 60, 0
    while not LedgerWatermark.objects.filter(posted_until__gte=FIRST + 2 * YEAR).exists():
        ahead += 1
        with clock.frozen_at(clock.real_now() + timedelta(minutes=ahead)):
            add_up_days(by=SYSTEM)
        assert time.monotonic() < patience
        time.sleep(0.02)


def allow() -> None:
    """The policy of ten years, and the period locked to the end of 2011."""
    set_policy(key="ledger_retention", value=KEEP, by=SYSTEM)
    lock("2011-12-31")


def lock(until: str, *, since: timedelta = HOUR) -> None:
    """Lock the period, for so long by now."""
    with clock.frozen_at(clock.now() - since):
        set_policy(key="period_lock", value={"until": until}, by=SYSTEM)


def names() -> list[str]:
    return [part.name.removeprefix("stock_ledgerentry_") for part in ledger_parts()]


def figures() -> dict[str, Any]:
    """What must not change when a part goes."""
    digest = ledger_digest()
    digest.pop("ledger")  # names every event, also of those parts
    rebuilt = rebuild_balances(by=SYSTEM)
    return {
        **digest,
        "balance": StockBalance.objects.values_list("sellable", "damaged").get(),
        "difference": (rebuilt.difference, rebuilt.ledger_sum),
    }


@pytest.mark.req("LED-01", "LED-04", "LED-22", "GOV-04")
def test_a_retired_part_leaves_every_figure_as_it_was(old):
    made, place = 1, 1
    assert names() == ["1", "2", "default"]
    before = figures()
    moments = [FIRST + YEAR + n * HOUR for n in range(7)] + [clock.now()]
    past = [positions_as_of(made, moment) for moment in moments]
    allow()

    (gone,) = retire_ledger(before=AFTER_FIRST, by=SYSTEM)

    assert names() == ["2", "default"]
    assert figures() == before
    assert ledger_horizon().at == gone.part.horizon == FIRST + 5 * HOUR
    assert LedgerEntry.objects.filter(event_id=0).count() == gone.carried
    assert [positions_as_of(made, moment) for moment in moments] == past
    assert position_as_of(made, place, FIRST + 5 * HOUR)["sellable"] == 30
    assert sum(LedgerDay.objects.values_list("quantity", flat=True)) == 0
    entry = AuditEntry.objects.get(verb="ledger_partition.retired")
    assert entry.subject_id == "stock_ledgerentry_1"
    assert (entry.data["lines"], entry.data["carried"]) == (12, gone.carried)
    assert (entry.data["policy"], entry.data["layer"]) == ("ledger_retention v2", gone.layer)


@pytest.mark.req("LED-04", "GOV-04")
def test_the_next_layer_takes_the_one_before_in_and_counts_fold_on(old):
    before = figures()
    allow()

    assert retire_due(by=SYSTEM) == 2

    assert names() == ["default"]
    assert figures() == before
    assert set(LedgerEntry.objects.filter(event_id=0).values_list("posted_at", flat=True)) == {
        ledger_horizon().posted_until
    }
    assert ledger_horizon().at == FIRST + YEAR + 5 * HOUR
    assert outcomes(event("stock.counted", 30, source_id="after")) == ["posted"]
    counted = Assertion.objects.order_by("-event_id").first()
    assert (counted.expected, counted.adjusted, counted.verdict) == (29, 1, "accepted")
    assert rebuild_balances(by=SYSTEM).difference == 0
    know_rows(old)
    assert split_ledger(by=SYSTEM, most=1)
    assert names() == ["1", "default"]


@pytest.mark.req("LED-22")
def test_a_figure_of_a_time_that_went_is_refused_and_names_the_horizon(old):
    allow()
    retire_ledger(before=AFTER_FIRST, by=SYSTEM)
    horizon = (FIRST + 5 * HOUR).isoformat()
    asked = {
        "at": lambda: positions_as_of(1, FIRST + 4 * HOUR),
        "place": lambda: position_as_of(1, 1, FIRST + 4 * HOUR),
        "known": lambda: positions_as_of(1, clock.now(), known_at=FIRST),
        "series": lambda: item_series(1, since=FIRST.date(), until=FIRST.date() + 9 * DAY),
    }

    refused = {}
    for name, ask in asked.items():
        with pytest.raises(BeforeHorizonError) as error:
            ask()
        refused[name] = (error.value.field, error.value.extra["horizon"])

    known = (FIRST + timedelta(microseconds=1)).isoformat()
    assert refused == {
        "at": ("at", horizon),
        "place": ("at", horizon),
        "known": ("known_at", known),
        "series": ("since", horizon),
    }
    assert sum(day.shrink for day in item_series(1, since=(FIRST + DAY).date(), until=TODAY)) == 36


@pytest.mark.req("EVT-07", "EVT-09")
def test_a_repeat_of_what_went_is_a_duplicate_and_a_correction_of_it_is_kept_aside(old):
    allow()
    retire_ledger(before=AFTER_FIRST, by=SYSTEM)
    before = figures()
    repeat = event("receipt.recorded", 40, occurred_at=FIRST, source_id="in-2010")

    with clock.frozen_at(FIRST + 8 * HOUR):
        assert outcomes(repeat) == ["duplicate"]
    configure(key="period_lock", value={"until": "2010-12-31"}, by=SYSTEM)
    (late,) = send(correction("a"))
    assert outcomes(correction("b", of="s-2011")) == ["posted"]

    assert (late.outcome, late.code, late.field) == ("quarantined", "period_locked", "corrects")
    assert DeadLetter.objects.filter(code="period_locked").count() == 1
    assert StockBalance.objects.get().sellable == before["balance"][0] + 3
    gone, kept = InventoryEvent.objects.filter(source_id__in=("s-2010", "s-2011")).order_by("id")
    assert (page_of_event(gone.pk).lines, page_of_event(gone.pk).are_lines_retired) == ((), True)
    assert (len(page_of_event(kept.pk).lines), page_of_event(kept.pk).are_lines_retired) == (
        2,
        False,
    )
    assert rebuild_balances(by=SYSTEM).difference == 0


@pytest.mark.req("GOV-10")
def test_the_lock_stays_on_what_went(old):
    allow()
    configure(key="period_lock", value={"until": "2010-12-31"}, by=SYSTEM)
    retire_ledger(before=AFTER_FIRST, by=SYSTEM)

    for until in (None, "2010-05-03"):
        with pytest.raises(BeforeHorizonError) as error:
            configure(key="period_lock", value={"until": until}, by=SYSTEM)
        assert error.value.field == "until"
    assert outcomes(
        event("stock.counted", 9, occurred_at=FIRST + HOUR, source_id="late-count")
    ) == ["quarantined"]

    configure(key="period_lock", value={"until": "2010-05-04"}, by=SYSTEM)
    assert current_policy("period_lock").value == {"until": "2010-05-04"}


@pytest.mark.req("GOV-04", "GOV-10", "LED-01")
def test_what_stands_in_the_way_keeps_a_part_and_is_named(old):
    def refused(words: str) -> None:
        with pytest.raises(NotRetirableError, match=words):
            retire_ledger(before=AFTER_FIRST, by=SYSTEM)
        assert retire_due(by=SYSTEM) == 0

    refused("ledger_retention keeps everything")
    set_policy(key="ledger_retention", value={"years": 50}, by=SYSTEM)
    refused("keeps what was posted after")
    set_policy(key="ledger_retention", value=KEEP, by=SYSTEM)
    refused("period_lock must have reached 2010-05-04")
    lock("2010-05-03")
    refused("period_lock must have reached 2010-05-04")
    lock("2011-12-31", since=timedelta(minutes=59))
    refused("period_lock must have reached 2010-05-04 for an hour")
    lock("2011-12-31")
    for scope in ({}, {"sku": "SOCK"}, {"source": "pos"}, {"since": FIRST, "until": FIRST + HOUR}):
        hold = place_hold(reason="court", by=SYSTEM, **scope)
        refused(f"under legal hold {hold.pk}")
        lift_hold(hold.pk, reason="over", by=SYSTEM)
    Comparison.objects.create(started_at=FIRST, trigger="asked", asked_by="x", policy="x")
    refused("compared on 2010-05-04 was never signed off")
    SignOff.objects.create(
        day=FIRST.date(), signed_at=FIRST, signed_by="x", comparisons=1, compared=0, open=0,
        value=0, untied_totals=0, minutes=0,
    )  # fmt: skip
    Assertion.objects.filter(occurred_at__lt=AFTER_FIRST).update(verdict="pending")
    refused("waits for a person")
    Assertion.objects.filter(occurred_at__lt=AFTER_FIRST).update(verdict="accepted")
    with pytest.raises(NotRetirableError, match="No closed part of the ledger ends before"):
        retire_ledger(before=FIRST, by=SYSTEM)

    assert names() == ["1", "2", "default"]
    assert not AuditEntry.objects.filter(verb="ledger_partition.retired").exists()
    place_hold(reason="another time", since=AFTER_FIRST, until=AFTER_FIRST + DAY, by=SYSTEM)
    assert len(retire_ledger(before=AFTER_FIRST, by=SYSTEM)) == 1


@pytest.mark.req("LED-01")
def test_the_newest_part_stays_and_nobody_may_drop_one_around_the_checks(old):
    allow()
    assert retire_due(by=SYSTEM) == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT blockers FROM ic_sys.retire_ledger('stock_ledgerentry_default')")
        assert cursor.fetchall() == [(["open"],)]
    with pytest.raises(NotRetirableError, match="newest part"):
        retire_ledger(before=clock.now(), by=SYSTEM)

    set_policy(key="ledger_retention", value={"years": 1}, by=SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute("SELECT cutoff < %s FROM ic_sys.ledger_cutoff()", [clock.now() - 9 * YEAR])
        assert cursor.fetchone() == (True,)
    for act in (
        "DROP TABLE stock_ledgerentry_default",
        "DELETE FROM stock_ledgerentry WHERE event_id = 0",
        "SELECT ic_sys.ledger_blockers('x', 'x', now(), now())",
    ):
        with (
            pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
            transaction.atomic(),
        ):
            connection.cursor().execute(act)
    with psycopg.connect(os.environ["DATABASE_AI_URL"]) as session:
        oid = session.execute(
            "SELECT oid FROM pg_database WHERE datname = current_database()"
        ).fetchone()[0]
        session.execute(f"SET ROLE {old.role('ai', oid)}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="keeps no ledger"):
            session.execute("SELECT * FROM ic_sys.retire_ledger('stock_ledgerentry_1')")


@pytest.mark.req("LED-01", "LED-04")
def test_what_is_posted_while_a_part_is_retired_is_there_afterwards(old):
    allow()
    told: list[str] = []

    def post() -> None:
        with in_tenant(old):
            for number in range(40):
                told.extend(outcomes(event("receipt.recorded", 1)))
                if number % 10 == 0:
                    outcomes(event("stock.counted", 1_000, source_id=f"count-{number}"))
        connections.close_all()

    poster = threading.Thread(target=post)
    poster.start()
    retired = retire_due(by=SYSTEM)
    poster.join()

    assert retired == 2
    assert told == ["posted"] * 40
    assert StockBalance.objects.get().sellable == 69
    assert rebuild_balances(by=SYSTEM).difference == 0
    assert rebuild_balances(by=SYSTEM).ledger_sum == 0
    assert Assertion.objects.get(source_id="count-30").expected == 29 + 31


@pytest.mark.req("GOV-04")
def test_the_command_shows_what_may_go_and_retires_it(old):
    def said(*words: str) -> str:
        out = StringIO()
        call_command("ledger", "retire", "--tenant", old.label, *words, stdout=out)
        return out.getvalue()

    assert "The policy ledger_retention keeps everything." in said("--preview")
    allow()
    preview = said("--preview").splitlines()
    with pytest.raises(CommandError, match="--tenant and --before"):
        said()
    with pytest.raises(CommandError, match="No closed part"):
        said("--before", "2010-01-01T00:00:00Z")
    gone = said("--before", AFTER_FIRST.isoformat())

    assert (
        "stock_ledgerentry_1: the beginning to 2010-05-04T09:00:00.000001+00:00, 12 lines"
        in (preview[1])
    )
    assert preview[1].endswith("May go; horizon 2010-05-04T14:00:00+00:00.")
    assert preview[3].endswith("Stays: It is the newest part, which is still written to.")
    assert "stock_ledgerentry_1 retired, 12 lines carried forward as" in gone


@pytest.mark.parametrize("years", [9, 101, 10.5, "10", True])
def test_a_policy_shorter_than_the_law_is_refused(years):
    with pytest.raises(InvalidTermsError, match="the law asks for 10"):
        check_retention({"years": years})


def test_a_policy_says_years_or_keeps_everything():
    check_retention({"years": 10})
    check_retention({"years": None})
    with pytest.raises(InvalidTermsError, match="Say years"):
        check_retention({"months": 3})


def correction(name: str, *, of: str = "s-2010") -> dict[str, Any]:
    """The body of a correction that leaves nothing of an event."""
    return event(
        "event.corrected", 0, source_id=f"undo-{name}", corrects={"source": "pos", "source_id": of},
        item=None, node=None, reason="typed wrong",
    )  # fmt: skip
