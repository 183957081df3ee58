"""A shop with one order of one customer, and a simulated CRM that sends messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from connectors.services import add_connector
from connectors.simulators.server import Told, secret_of, serve
from connectors.simulators.state import World
from inventory_control.notifications.models import NotificationRequest
from inventory_control.notifications.services import request_notification
from inventory_control.notifications.values import NotificationDraft
from tests.factories import SYSTEM, event, item, node, outcomes

ADA = "tok-ada"


@pytest.fixture
def order(tenant) -> str:
    """W-1, five socks for tok-ada."""
    item()
    node()
    outcomes(event("stock.opened", 60))
    outcomes(event("order.created", 5, order="W-1", line="1", customer=ADA))
    return "W-1"


@pytest.fixture
def crm(tenant) -> Iterator[World]:
    """What the CRM was asked to send."""
    world = World()
    server = serve(port=0, world=world, told=Told("", "", secret_of("x")))
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    add_connector(
        code="crm", name="CRM", adapter="simulator", secret=secret_of("x"), options={},
        url=f"http://127.0.0.1:{server.server_address[1]}", by=SYSTEM,
    )  # fmt: skip
    yield world
    server.shutdown()
    thread.join()
    server.server_close()


def agreed(
    customer: str = ADA, *, medium: str = "mail", purpose: str = "service", **fields: Any
) -> dict[str, Any]:
    """A customer agrees to be told something."""
    return event(
        "consent.given",
        **{
            "item": None,
            "node": None,
            "customer": customer,
            "attributes": {"medium": medium, "purpose": purpose},
            **fields,
        },
    )


def took_back(customer: str = ADA, **fields: Any) -> dict[str, Any]:
    """A customer takes everything back, or what `attributes` name."""
    return event(
        "consent.withdrawn", **{"item": None, "node": None, "customer": customer, **fields}
    )


def became(number: str, outcome: str, at: datetime, **fields: Any) -> dict[str, Any]:
    """What the CRM says became of a message."""
    return event(
        f"notification.{outcome}",
        **{"item": None, "node": None, "document": number, "occurred_at": at, **fields},
    )


def asked(topic: str = "order_delayed", **fields: Any) -> NotificationRequest:
    """A request about order W-1 by mail."""
    draft = {"topic": topic, "medium": "mail", "order": "W-1", **fields}
    return request_notification(NotificationDraft(**draft), by=SYSTEM)
