"""What the ERP owns is not edited here: people are refused, or ask the ERP."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from inventory_control.catalog.models import Item, Supplier
from inventory_control.outbox.models import OutboundCommand
from inventory_control.people.models import Role
from tests.console.test_pages import sign_in
from tests.factories import item, supplier
from tests.http import Api


@pytest.fixture(autouse=True)
def sock(tenant) -> Item:
    return item(supplier=supplier())


@pytest.fixture
def api() -> Api:
    """A key that may ask, and sync."""
    return Api("workflows.request", "catalog.write")


def wish(**fields: object) -> dict[str, object]:
    """A dearer sock."""
    return {
        "kind": "item",
        "code": "SOCK",
        "changes": {"unit_cost": "5"},
        "reason": "New contract",
        **fields,
    }


def put(client: Client, path: str, rows: list[dict[str, object]]) -> tuple[int, dict[str, str]]:
    answer = client.put(f"/api/v1/catalog/{path}", rows, content_type="application/json")
    return answer.status_code, answer.json()


@pytest.mark.req("LED-19")
@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("items", {"sku": "SOCK", "name": "Sock", "unit_cost": "1"}),
        ("suppliers", {"code": "MILL", "name": "My mill"}),
    ],
)
def test_a_person_at_the_console_edits_no_item_and_no_supplier(path, row):
    planner = Role.objects.get(key="planner")
    planner.permissions = [*planner.permissions, "catalog.write"]
    planner.save()

    status, problem = put(sign_in("planner"), path, [row])

    assert (status, problem["code"]) == (403, "owned_by_erp")
    assert "owned by the ERP" in problem["detail"]
    assert (Item.objects.get().unit_cost, Supplier.objects.get().name) == (Decimal("4"), "Mill")


@pytest.mark.req("LED-19")
def test_the_console_says_who_owns_the_cost():
    assert b"owned by ERP" in sign_in("planner").get("/items/SOCK/").content


@pytest.mark.req("LED-19")
def test_the_sync_of_the_erp_goes_on(api: Api):
    assert api.put("catalog/items", [{"sku": "SOCK", "name": "Sock", "unit_cost": "5"}])[0] == 200
    assert Item.objects.get().unit_cost == Decimal("5")


@pytest.mark.req("LED-19")
def test_a_wish_goes_to_the_erp_once_and_changes_nothing_here(api: Api):
    status, body = api.post("change-requests", wish())
    again, same = api.post("change-requests", wish())

    command = OutboundCommand.objects.get()
    assert (status, again, body, same) == (202, 202, body, body)
    assert (command.kind, command.target, body["command"]) == (
        "erp.change_request",
        "erp",
        command.pk,
    )
    assert command.payload["changes"] == {"unit_cost": {"from": "4.0000", "to": "5.0000"}}
    assert Item.objects.get().unit_cost == Decimal("4")


@pytest.mark.req("LED-19", "INT-13")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": "GHOST"}, "code"),
        ({"kind": "node"}, "kind"),
        ({"changes": {}}, "changes"),
        ({"changes": {"sku": "HAT"}}, "changes"),
        ({"changes": {"unit_cost": "-1"}}, "changes.unit_cost"),
        ({"changes": {"unit_cost": "4"}}, "changes.unit_cost"),
        ({"reason": ""}, "reason"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_by_field(api: Api, change, field):
    status, problem = api.post("change-requests", wish(**change))

    assert (status, problem["field"], OutboundCommand.objects.count()) == (422, field, 0)
