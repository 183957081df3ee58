"""A never sees B: keys, policies, logs, pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from inventory_control.catalog.models import Item
from inventory_control.core.telemetry import log
from inventory_control.core.tenancy import in_tenant, tenant_signer
from inventory_control.people.models import User
from inventory_control.policies.selectors import current_policy
from inventory_control.policies.services import set_policy
from tests.conftest import empty, know_hosts
from tests.factories import SYSTEM
from tests.http import Api


@pytest.fixture
def both(house, django_db_blocker):
    """Both tenants, with real commits."""
    with django_db_blocker.unblock():
        know_hosts()
        yield house
        connection.close()
    for tenant in house:
        empty(tenant)


@pytest.mark.req("SEC-05")
def test_a_key_of_a_is_worthless_in_b(both):
    first, second = both
    with in_tenant(first):
        api = Api("stock.read")
        Item.objects.create(sku="OF-A", name="of A")
    with in_tenant(second):
        Item.objects.create(sku="OF-B", name="of B")

    assert api.get("items/OF-A/positions")[0] == 200
    api.host = "birch.localhost"
    assert api.get("items/OF-B/positions")[0] == 401


@pytest.mark.req("SEC-05")
def test_a_session_of_a_is_nobody_in_b(both):
    first, second = both
    for tenant in both:
        with in_tenant(tenant):
            User.objects.create_user("ada", password="the same for both")
    client = Client()
    with in_tenant(first):
        user = User.objects.get()
    client.get("/login/", headers={"Host": "alder.localhost"})
    answer = client.post(
        "/login/",
        {"username": "ada", "password": "the same for both"},
        headers={"Host": "alder.localhost"},
    )
    assert (answer.status_code, user.pk is not None) == (302, True)

    there = client.get("/exceptions/", headers={"Host": "birch.localhost"})

    assert (there.status_code, there["Location"].split("?")[0]) == (302, "/login/")
    del second


@pytest.mark.req("SEC-05")
def test_each_tenant_reads_its_own_policy(both):
    first, second = both
    with in_tenant(first):
        set_policy(key="count_tolerance", value={"units": 9, "share": 0.5}, by=SYSTEM)
        mine = current_policy("count_tolerance").value
    with in_tenant(second):
        theirs = current_policy("count_tolerance").value

    assert (mine["units"], theirs["units"]) == (9, 2)


@pytest.mark.req("SEC-05")
def test_a_signed_value_of_a_does_not_unsign_in_b(both):
    first, second = both
    with in_tenant(first):
        signed = tenant_signer("reset").sign("ada")
        assert tenant_signer("reset").unsign(signed) == "ada"
    with in_tenant(second), pytest.raises(Exception, match="does not match"):
        tenant_signer("reset").unsign(signed)


@pytest.mark.req("OBS-01")
def test_every_log_line_names_its_tenant(both, capsys: Any):
    with in_tenant(both[0]):
        log("test").warning("something.happened")

    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["event"], line["tenant"]) == ("something.happened", "alder")
