"""The queue: every case exactly once, filtered, and as fast at the end as at the start."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from exceptions.errors import UnknownCaseError
from exceptions.selectors import (
    case_page,
    cases_of,
    counters,
    exception_queue,
    open_count,
    queue_count,
)
from exceptions.services import add_note
from exceptions.values import CappedCount, Counters, QueueFilters
from inventory_control.core import clock
from inventory_control.core.errors import Refused
from tests.factories import item, node, planner


@pytest.fixture(autouse=True)
def in_the_house(tenant) -> None:
    """Every test here works in tenant A."""


@pytest.mark.req("EXC-37")
@pytest.mark.parametrize(
    ("filters", "matching", "sort_key"),
    [
        (QueueFilters(), 180, lambda case: (case.severity, case.due_at, case.pk)),
        (QueueFilters(order="money"), 180, lambda case: (-case.at_stake, -case.pk)),
        (QueueFilters(status="closed", order="closed"), 20, lambda case: -case.pk),
        (QueueFilters(status="any", order="latest"), 200, lambda case: -case.pk),
        (QueueFilters(severity=2), 50, lambda case: (case.due_at, case.pk)),
    ],
)
def test_paging_shows_every_case_exactly_once_and_in_order(fill, filters, matching, sort_key):
    fill(200)

    shown, after = [], ""
    while True:
        page = exception_queue(filters, after, 7)
        shown += page.cases
        after = page.next_after
        if not after:
            break

    assert len({case.pk for case in shown}) == len(shown) == matching
    assert shown == sorted(shown, key=sort_key)


@pytest.mark.parametrize("after", ["x", "1~2", "1~not-a-time~3", "1~2026-01-01T00:00:00~3"])
def test_a_place_that_no_page_gave_is_refused(after: str):
    with pytest.raises(Refused) as refused:
        exception_queue(QueueFilters(), after)

    assert refused.value.field == "after"


@pytest.mark.req("EXC-37")
def test_each_filter_narrows(make_case):
    sock, s5 = item(), node("S5")
    now = clock.now()
    wanted = make_case(
        kind="stockout",
        key="stockout:SOCK@S5",
        item=sock,
        node=s5,
        severity=1,
        assignee="ada",
        due_at=now - timedelta(hours=1),
    )
    make_case()
    closed = make_case(key="stockout:SOCK@S5", status="dismissed", due_at=now - timedelta(days=1))

    for filters in (
        QueueFilters(kind="stockout"),
        QueueFilters(severity=1),
        QueueFilters(node="S5"),
        QueueFilters(assignee="ada"),
        QueueFilters(is_past_due=True),
        QueueFilters(sku="oc"),
        QueueFilters(key="stockout:SOCK@S5"),
    ):
        assert exception_queue(filters).cases == [wanted]
    assert exception_queue(QueueFilters(assignee="none", status="dismissed")).cases == [closed]
    assert exception_queue(QueueFilters(key=wanted.key, status="any", order="latest")).cases == [
        closed,
        wanted,
    ]


@pytest.mark.req("INT-13")
def test_a_page_is_one_query(make_case, django_assert_num_queries):
    for number in range(3):
        make_case(item=item(f"I{number}"), node=node(f"S{number}"))

    with django_assert_num_queries(1):
        names = [(one.item.sku, one.node.code) for one in exception_queue(QueueFilters()).cases]

    assert names == [("I0", "S0"), ("I1", "S1"), ("I2", "S2")]


def test_counts_are_capped_and_the_figures_exact(fill, make_case):
    fill(1200)
    make_case(at_stake=Decimal("0.50"), due_at=clock.now() - timedelta(seconds=1))

    assert queue_count(QueueFilters(severity=1)) == CappedCount(240, is_capped=False)
    assert open_count() == "999+"
    assert counters() == Counters(1081, 1, Decimal("323700.50"))


def test_an_empty_queue_has_empty_figures():
    assert (open_count(), counters()) == (0, Counters(0, 0, Decimal(0)))


def test_a_case_page_has_what_it_shows_in_two_queries(make_case, django_assert_num_queries):
    case = make_case(item=item(), node=node())
    add_note(case, text="Looked.", by=planner("exceptions.handle"))

    with django_assert_num_queries(2):
        page = case_page(case.pk)
        shown = (page.item.sku, page.item.supplier, [note.text for note in page.notes.all()])

    assert shown == ("SOCK", None, ["Looked."])
    with pytest.raises(UnknownCaseError):
        case_page(case.pk + 1)


def test_an_item_shows_its_live_cases_first(make_case):
    sock = item()
    closed = make_case(item=sock, status="resolved")
    mild, bad = make_case(item=sock), make_case(item=sock, severity=1)
    make_case()

    assert cases_of(sock.pk) == [bad, mild, closed]
    assert cases_of(sock.pk, limit=1) == [bad]
