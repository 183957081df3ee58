"""What each row of a file becomes, and the script that comes of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from inventory_control.demo.plan import (
    COLUMNS,
    EmptyFileError,
    MissingColumnError,
    Row,
    RowKind,
    check_columns,
    classify,
    read_rows,
    script_of,
)
from inventory_control.demo.script import LAUNCH, OPENING, SOURCE, Demand, Fact, Return, Reversal

NOON = datetime(2011, 6, 1, 12, tzinfo=UTC)


def record(**changes: str) -> dict[str, str]:
    usual = {
        "InvoiceNo": "536365",
        "StockCode": "85123A",
        "Description": "WHITE HANGING HEART",
        "Quantity": "6",
        "InvoiceDate": "2011-06-01 12:00:00",
        "UnitPrice": "2.55",
        "CustomerID": "17850",
    }
    return {**usual, **changes}


def row(key: str, quantity: int, *, hours: float = 0, code: str = "85123A", **changes) -> Row:
    usual = {
        "name": "Heart",
        "price": 2.55,
        "customer": "c-1",
        "is_cancellation": quantity < 0,
    }
    return Row(
        key=key, code=code, quantity=quantity, at=NOON + timedelta(hours=hours), **usual | changes
    )


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_refused_by_its_name(column):
    names = [name for name in COLUMNS if name != column]

    with pytest.raises(MissingColumnError) as refused:
        check_columns(names)

    assert refused.value.field == column
    assert column in refused.value.detail


def test_the_place_in_the_file_tells_repeated_lines_apart():
    rows = read_rows([record(), record(), record(InvoiceNo="536366")])

    assert [one.key for one in rows] == ["536365/1", "536365/2", "536366/1"]


def test_a_person_becomes_a_token():
    (one,) = read_rows([record()])

    assert one.customer.startswith("c-")
    assert "17850" not in one.customer


def test_a_file_without_rows_is_refused():
    with pytest.raises(EmptyFileError):
        read_rows([])


@pytest.mark.parametrize(
    ("case", "changes", "kind"),
    [
        ("a sale", {}, RowKind.SALE),
        ("postage", {"StockCode": "POST"}, RowKind.NO_STOCK),
        ("a voucher", {"StockCode": "gift_0001_20"}, RowKind.NO_STOCK),
        ("a find", {"UnitPrice": "0.0"}, RowKind.ADJUSTMENT),
        ("a write-off", {"UnitPrice": "0.0", "Quantity": "-4"}, RowKind.ADJUSTMENT),
        ("a return", {"InvoiceNo": "C536379", "Quantity": "-1"}, RowKind.RETURN),
        ("no number", {"Quantity": "six"}, RowKind.BROKEN),
        ("nothing", {"Quantity": "0"}, RowKind.BROKEN),
    ],
)
def test_each_row_is_one_kind(case, changes, kind):
    (one,) = classify(read_rows([record(**changes)]))

    assert one.kind is kind, case


def test_the_same_quantity_taken_back_within_two_days_is_an_entry_error():
    found = classify([row("1/1", 6), row("C2/1", -6, hours=47)])

    assert (found[1].kind, found[1].of) == (RowKind.REVERSAL, 0)


@pytest.mark.parametrize(
    ("case", "later"),
    [
        ("after two days", row("C2/1", -6, hours=49)),
        ("another quantity", row("C2/1", -5, hours=1)),
    ],
)
def test_anything_else_of_a_line_is_its_return(case, later):
    found = classify([row("1/1", 6), later])

    assert (found[1].kind, found[1].of) == (RowKind.RETURN, 0), case


def test_a_return_by_nobody_belongs_to_no_line():
    found = classify([row("1/1", 6, customer=""), row("C2/1", -6, hours=1, customer="")])

    assert (found[1].kind, found[1].of) == (RowKind.RETURN, None)


def test_a_line_cannot_be_returned_twice():
    rows = [row("1/1", 6), row("C2/1", -4, hours=50), row("C3/1", -4, hours=51)]

    assert [one.of for one in classify(rows)] == [None, 0, None]


def test_openings_cover_the_history_and_leave_three_weeks_of_demand():
    day = timedelta(days=1)
    rows = [row(f"{number}/1", 3, hours=-24 * number) for number in range(30, 0, -1)]
    rows += [row("100/1", 5, code="22222", hours=24)]

    script = script_of(rows, live_from=date(2011, 6, 1), seed=7, name="x", digest="d")

    openings = {
        entry.body["item"]: entry.body
        for stretch in script.stretches
        for entry in stretch.entries
        if isinstance(entry, Fact) and entry.body["type"] == "stock.opened"
    }
    # 90 units leave before the live start, 21 days of 3 a day remain.
    assert (openings["85123A"]["source"], openings["85123A"]["quantity"]) == (OPENING, 90 + 63)
    assert (openings["22222"]["source"], openings["22222"]["quantity"]) == (LAUNCH, 5)
    assert openings["22222"]["occurred_at"] == NOON.replace(hour=0) + day


def test_every_row_appears_once_under_its_key():
    rows = read_rows(
        [
            record(InvoiceDate="2011-05-30 09:00:00"),
            record(InvoiceNo="2"),
            record(InvoiceNo="C3", Quantity="-6", InvoiceDate="2011-06-01 13:00:00"),
            record(InvoiceNo="4", StockCode="POST"),
            record(InvoiceNo="5", UnitPrice="0", Quantity="-2"),
            record(InvoiceNo="C6", Quantity="-2", InvoiceDate="2011-06-20 13:00:00"),
        ]
    )

    script = script_of(rows, live_from=date(2011, 6, 1), seed=7, name="x", digest="d")

    keys = []
    for stretch in script.stretches:
        for entry in stretch.entries:
            if isinstance(entry, Demand | Return | Reversal):
                keys.append(entry.key)
            elif entry.body["source"] == SOURCE:
                keys.append(entry.body["source_id"])
    assert sorted(keys) == sorted(one.key for one in rows)
    assert script.rows == 6


def test_stretches_are_weeks_before_the_live_start_and_open_days_from_it_on():
    rows = read_rows(
        [
            record(InvoiceDate="2011-05-20 09:00:00"),
            record(InvoiceNo="2", InvoiceDate="2011-05-30 09:00:00"),
            record(InvoiceNo="3"),
            record(InvoiceNo="4", InvoiceDate="2011-06-03 09:00:00"),
        ]
    )

    script = script_of(rows, live_from=date(2011, 6, 1), seed=7, name="x", digest="d")

    assert [
        (one.starts_at.strftime("%m-%d"), one.ends_at.strftime("%m-%d"), one.is_live)
        for one in script.stretches
    ] == [
        ("05-20", "05-27", False),
        ("05-27", "06-01", False),
        ("06-01", "06-02", True),
        ("06-03", "06-04", True),
    ]
