"""Idempotency keys at the edges: long addresses, strange ones, doors that know repeats otherwise."""

from __future__ import annotations

import pytest

from inventory_control.web.models import IdempotentAnswer
from tests.factories import item
from tests.http import Api


@pytest.mark.req("INT-16")
def test_a_long_address_is_kept_shortened_and_still_told_apart(tenant):
    api = Api("orders.place")
    body = {"reason": "twice"}

    answers = [
        api.post(f"purchase-orders/{'P' * 400}{end}/cancel", body, idempotency_key=f"k{end}")
        for end in (1, 2)
    ]

    assert [status for status, _ in answers] == [404, 404]
    assert IdempotentAnswer.objects.count() == 0


@pytest.mark.req("INT-16")
def test_another_query_is_another_request(tenant):
    item()
    api = Api("catalog.write")
    rows = [{"sku": "HAT", "name": "Hat"}]

    first, _ = api.put("catalog/items", rows, idempotency_key="k")
    other, problem = api.put("catalog/items?a=1", rows, idempotency_key="k")

    assert (first, other, problem["code"]) == (200, 422, "idempotency_key_reused")


@pytest.mark.req("INT-16")
def test_a_webhook_is_known_by_its_delivery_and_passes_an_idempotency_key_by(tenant):
    api = Api("stock.read")

    status, problem = api.post("webhooks/nobody", {}, idempotency_key="k")

    assert (status, problem["code"]) == (404, "unknown_connector")
    assert IdempotentAnswer.objects.count() == 0
