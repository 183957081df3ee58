"""Reconciliation over HTTP: runs, ways out, drift, sign-off, totals, snapshots."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_control.core import clock
from inventory_control.reconciliation.models import Discrepancy, SignOff
from inventory_control.reconciliation.services import take_reports
from inventory_control.stock.models import LedgerEntry, StockBalance
from tests.factories import SYSTEM, hour, item, node
from tests.http import Api
from tests.reconciliation.reports import about, says

ALL = tuple(
    f"reconciliation.{right}" for right in ("read", "compare", "resolve", "approve", "sign")
)
IMPORT = ("reconciliation.declare", "reconciliation.read", "events.write", "events.open_stock")


@pytest.fixture
def api(lamp, arrive) -> Api:
    """A planner's key, and a difference of seven at WMS."""
    arrive(about("stock.opened", 112, hour(8)), says("wms", 119, hour(9)))
    return Api(*ALL, "stock.adjust", "stock.read")


@pytest.mark.req("REC-01")
def test_a_run_is_asked_for_and_listed(api):
    status, made = api.post("reconciliation/runs")

    assert (status, made["compared"], made["variance"], made["trigger"]) == (201, 1, 7, "request")
    assert made["systems"] == [
        {"system": "wms", "compared": 1, "off": 1, "units": 7, "value": "280.00"}
    ]
    assert api.get(f"reconciliation/runs/{made['id']}") == (200, made)
    assert api.get("reconciliation/runs")[1] == {"results": [made], "next": None}
    assert api.get("reconciliation/runs/0")[0] == 404


@pytest.mark.req("REC-04")
def test_a_remedy_repeated_under_its_key_is_one(api):
    api.post("reconciliation/runs")
    found = Discrepancy.objects.get()
    path = f"reconciliation/discrepancies/{found.pk}/remedies"
    body = {"path": "correct_ledger", "reason": "counted", "minutes": 3}

    first = api.post(path, body, Idempotency_Key="a")
    again = api.post(path, body, Idempotency_Key="a")

    assert (first[0], first[1]["status"], first) == (201, "carried_out", again)
    assert StockBalance.objects.get().sellable == 119
    detail = api.get(f"reconciliation/discrepancies/{found.pk}")[1]
    assert (detail["minutes"], len(detail["remedies"])) == (3, 1)


@pytest.mark.parametrize(
    ("query", "field"),
    [("status=wrong", "status"), ("limit=0", "limit"), ("after=x", "after")],
)
def test_a_bad_filter_is_refused_by_name(api, query, field):
    status, problem = api.get(f"reconciliation/discrepancies?{query}")

    assert (status, problem["field"]) == (422, field)


def test_a_bad_remedy_is_refused_by_name(api):
    api.post("reconciliation/runs")
    path = f"reconciliation/discrepancies/{Discrepancy.objects.get().pk}/remedies"

    assert api.post(path, {"path": "wish", "reason": "x"})[1]["field"] == "path"
    assert api.post(path, {"path": "accept"})[1]["field"] == "reason"
    assert (
        api.post("reconciliation/discrepancies/0/remedies", {"path": "accept", "reason": "x"})[0]
        == 404
    )


@pytest.mark.req("REC-05")
def test_drift_names_the_worst_pair_and_item(api):
    api.post("reconciliation/runs")

    status, body = api.get("reconciliation/drift?days=1")

    (system,), (worst,) = body["systems"], body["items"]
    assert (status, system["system"], system["off_runs"], system["units"]) == (200, "wms", 1, 7)
    assert (worst["sku"], worst["node"], worst["value"]) == ("LAMP", "S1", "280.00")
    assert api.get("reconciliation/drift?days=999")[0] == 422


@pytest.mark.req("LED-30")
def test_the_picture_of_an_item(api):
    status, body = api.get("reconciliation/positions/LAMP")

    (place,) = body["places"]
    assert (status, place["where"]) == (200, "S1")
    assert [(one["system"], one["quantity"], one["off"], one["is_odd"]) for one in
            place["figures"]] == [("ledger", 112, 0, False), ("wms", 119, 7, True)]  # fmt: skip
    assert api.get("reconciliation/positions/NONE")[0] == 404


@pytest.mark.req("REC-07")
def test_a_day_is_signed_off_once_with_a_word_on_what_is_open(api):
    today = clock.now().date().isoformat()

    assert api.post("reconciliation/sign-offs", {"day": today})[1]["field"] == "day"
    api.post("reconciliation/runs")
    assert api.post("reconciliation/sign-offs", {"day": today})[1]["field"] == "note"
    status, signed = api.post("reconciliation/sign-offs", {"day": today, "note": "WMS is told"})

    assert (status, signed["open"], signed["value"], signed["comparisons"]) == (
        201, 1, "280.00", 1,
    )  # fmt: skip
    again = api.post("reconciliation/sign-offs", {"day": today, "note": "again"})
    assert (again[0], again[1]["code"], SignOff.objects.count()) == (409, "signed_already", 1)
    tomorrow = (clock.now() + timedelta(days=1)).date().isoformat()
    assert api.post("reconciliation/sign-offs", {"day": tomorrow})[0] == 422
    assert [one["day"] for one in api.get("reconciliation/sign-offs")[1]["results"]] == [today]


@pytest.mark.req("INT-12")
def test_each_door_asks_for_its_right(api):
    api.post("reconciliation/runs")
    reader = Api("reconciliation.read", name="reader")
    pk = Discrepancy.objects.get().pk
    body = {"path": "accept", "reason": "x", "minutes": 1, "verdict": "approved"}

    assert reader.get("reconciliation/runs")[0] == 200
    for path in (
        "runs", f"discrepancies/{pk}/remedies", f"discrepancies/{pk}/efforts",
        "remedies/1/decide", "sign-offs", "control-totals", "snapshots",
    ):  # fmt: skip
        assert reader.post(f"reconciliation/{path}", body)[0] == 403, path
    assert Api("stock.read", name="stranger").get("reconciliation/drift")[0] == 403


@pytest.mark.req("INT-35")
def test_a_total_is_declared_for_ones_own_source_only(api):
    till = Api("reconciliation.declare", "reconciliation.read", name="pos")
    body = {
        "source": "pos", "since": hour(0).isoformat(), "until": hour(24).isoformat(),
        "expected": 4,
    }  # fmt: skip

    status, made = till.post("reconciliation/control-totals", body)
    foreign = till.post("reconciliation/control-totals", {**body, "source": "erp"})

    assert (status, made["received"], made["gap"], made["status"]) == (201, 2, 2, "open")
    assert (foreign[0], foreign[1]["field"]) == (403, "source")
    backwards = {**body, "until": hour(0).isoformat()}
    assert till.post("reconciliation/control-totals", backwards)[1]["field"] == "until"
    assert len(till.get("reconciliation/control-totals?status=open")[1]["results"]) == 1


@pytest.mark.req("REC-06")
def test_outbound_totals_need_a_window(api):
    assert api.get("reconciliation/outbound-totals")[1]["field"] == "since"
    window = "since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z"
    status, body = api.get(f"reconciliation/outbound-totals?{window}")

    assert (status, body["results"]) == (200, [])


@pytest.mark.req("REC-10")
def test_a_snapshot_of_opening_balances_is_posted_once_and_reports_its_rows(tenant):
    item("SOCK")
    node("S1")
    node("S2")
    loader = Api(*IMPORT, name="loader")
    body = {
        "snapshot": "go-live", "source": "loader", "as_of": hour(8).isoformat(),
        "rows": [
            {"item": "SOCK", "node": "S1", "quantity": 40},
            {"item": "SOCK", "node": "S2", "quantity": 5, "state": "quarantined"},
            {"item": "HAT", "node": "S1", "quantity": 3},
            {"item": "SOCK", "node": "S2", "quantity": -1},
        ],
    }  # fmt: skip

    status, first = loader.post("reconciliation/snapshots", body)
    again = loader.post("reconciliation/snapshots", body)[1]

    assert (status, first["counts"]) == (200, {"posted": 2, "unmapped": 1, "quarantined": 1})
    assert [row["outcome"] for row in first["results"]] == [
        "posted", "posted", "unmapped", "quarantined",
    ]  # fmt: skip
    assert again["counts"] == {"duplicate": 2, "unmapped": 1, "quarantined": 1}
    assert sorted(StockBalance.objects.values_list("sellable", "quarantined")) == [(0, 5), (40, 0)]
    assert LedgerEntry.objects.count() == 4


@pytest.mark.req("REC-10")
def test_a_full_list_of_one_system_becomes_its_reports(tenant):
    item("SOCK")
    node("S1")
    loader = Api(*IMPORT, "reconciliation.compare", name="wms")
    body = {
        "snapshot": "sunday", "source": "wms", "system": "wms", "as_of": hour(8).isoformat(),
        "rows": [{"item": "SOCK", "node": "S1", "quantity": 60}],
    }  # fmt: skip

    status, answer = loader.post("reconciliation/snapshots", body)
    take_reports(by=SYSTEM)
    run = loader.post("reconciliation/runs")[1]

    assert (status, answer["counts"]) == (200, {"noted": 1})
    assert (run["compared"], run["variance"]) == (1, 60)


@pytest.mark.req("REC-10")
def test_opening_balances_take_the_right_to_open_stock(tenant):
    loader = Api("reconciliation.declare", "events.write", name="loader")
    body = {
        "snapshot": "x", "source": "loader", "as_of": hour(8).isoformat(),
        "rows": [{"item": "SOCK", "node": "S1", "quantity": 40}],
    }  # fmt: skip

    assert loader.post("reconciliation/snapshots", body)[0] == 403
    assert loader.post("reconciliation/snapshots", {**body, "source": "erp"})[0] == 403
    assert LedgerEntry.objects.count() == 0
