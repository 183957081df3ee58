"""Webhooks survive whoever works on them; thresholds are looked at when an event is posted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test import Client
from standardwebhooks.webhooks import Webhook

from connectors.services import add_connector, receiving, take_in
from connectors.simulators.server import secret_of
from exceptions.models import ExceptionCase
from inventory_control.core import doorbell
from inventory_control.events.models import InboundMessage, InventoryEvent
from inventory_control.pipeline import run_stage
from inventory_control.tasks import STAGES
from tests.factories import SYSTEM, at_node, event, item, node, outcomes

SECRET = secret_of("wms")


def deliver(*bodies: dict[str, Any]) -> int:
    """A signed webhook of the warehouse; the status it was answered with."""
    add_connector(
        code="wms", name="WMS", adapter="simulator", url="", secret=SECRET, options={}, by=SYSTEM
    )
    body = msgspec.json.encode({"events": list(bodies)})
    now = datetime.now(UTC)
    answer = Client(HTTP_HOST="alder.localhost").post(
        "/api/v1/webhooks/wms",
        body,
        content_type="application/json",
        headers={
            "webhook-id": "d1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign("d1", now, body.decode()),
        },
    )
    return answer.status_code


@pytest.mark.req("EVT-12")
def test_a_webhook_answered_202_outlives_the_broker_and_the_worker(
    committed: Any, monkeypatch: pytest.MonkeyPatch
):
    item()
    node()

    def no_broker(*_args: object, **_more: object) -> None:
        raise OSError("the broker is gone")

    monkeypatch.setattr(doorbell.current_app, "send_task", no_broker)

    assert deliver(event("receipt.recorded", 9)) == 202

    connection.close()
    assert InboundMessage.objects.get().status == "due"

    def killed(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(receiving, "_post", killed)
        with pytest.raises(KeyboardInterrupt):
            take_in(by=SYSTEM)
    connection.close()
    message = InboundMessage.objects.get()
    assert (message.status, message.attempts, InventoryEvent.objects.count()) == ("due", 1, 0)

    assert take_in(by=SYSTEM) == 1
    assert (InboundMessage.objects.get().status, InventoryEvent.objects.count()) == ("done", 1)


@pytest.mark.req("EVT-24")
def test_a_sale_below_the_threshold_opens_its_case_by_the_bells_alone(
    tenant: Any, monkeypatch: pytest.MonkeyPatch
):
    at_node(item(), node(), reorder_point=6)
    outcomes(event("receipt.recorded", 9))
    rung: list[str] = []
    for module in (
        "inventory_control.stock.services.posting",
        "inventory_control.availability.services.recalculating",
    ):
        monkeypatch.setattr(f"{module}.ring", rung.append)
    for stage in STAGES:
        run_stage(stage.name)
    rung.clear()

    outcomes(event("sale.recorded", 4))
    while rung:
        run_stage(rung.pop(0))

    cases = ExceptionCase.objects.exclude(kind="integration_failure")  # there is no ERP here
    assert cases.get().kind in {"stockout", "out_of_stock"}
