"""Delivering: what one system does not take holds up no other, and is told once when it is back."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from connectors.services import add_connector, deliver_due
from connectors.simulators.server import Told, secret_of, serve
from connectors.simulators.state import World
from inventory_control.availability.services import recalculate_due
from inventory_control.core import clock
from inventory_control.orders.models import FinancialDocument
from inventory_control.orders.services import book_events
from inventory_control.outbox.models import OutboundCommand
from inventory_control.outbox.services import queue_command
from inventory_control.stock.selectors import positions_of
from tests.factories import SYSTEM, channel, event, item, node, send


class System:
    """A simulated system on a port of its own, which can refuse service and come back."""

    def __init__(self) -> None:
        self.world = World()
        self._server = serve(port=0, world=self.world, told=Told("http://x", "x", secret_of("x")))
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.port: int = self._server.server_address[1]

    def go_down(self) -> None:
        """Answer everything with 503."""
        self.world.faults.append((10_000, 503, ""))

    def come_back(self) -> None:
        """Answer again, knowing what it knew."""
        self.world.faults.clear()

    def stop(self) -> None:
        """Give the port back."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def erp(tenant) -> Iterator[System]:
    yield from _connected("erp")


@pytest.fixture
def shop(tenant) -> Iterator[System]:
    yield from _connected("shop", channels=["WEB"])


def _connected(code: str, **options: object) -> Iterator[System]:
    system = System()
    add_connector(
        code=code, name=code, adapter="simulator", url=f"http://127.0.0.1:{system.port}",
        secret=secret_of("x"), options=options, by=SYSTEM,
    )  # fmt: skip
    yield system
    system.stop()


def work() -> None:
    """Every stage between a posted event and an acknowledged command, once."""
    book_events(by=SYSTEM)
    recalculate_due(by=SYSTEM)
    deliver_due(by=SYSTEM)


def booked(erp: System) -> list[tuple[str, int]]:
    """Form and units of everything the ERP has, in order of number."""
    return [(one["form"], one["quantity"]) for _, one in sorted(erp.world.documents.items())]


@pytest.mark.req("LED-05", "LED-31", "CON-05")
@pytest.mark.parametrize("units", [1, 4])
def test_a_graded_return_is_sold_at_once_though_the_erp_is_down_and_told_to_it_once(
    erp, shop, units
):
    sock, store = item(), node()
    item("HAT")
    channel("WEB", store)
    send(event("stock.opened", 5))
    work()

    send(event("return.received", units))
    work()
    position = positions_of([sock.pk])[sock.pk, store.pk]
    assert (position.received, position.on_hand, position.sellable) == (units, 5 + units, 5)
    assert shop.world.listings["WEB"]["SOCK"][0] == 5
    assert booked(erp) == [("receipt", units)]

    erp.go_down()
    send(*(event("damage.recorded", 1, item="HAT") for _ in range(60)))
    send(event("return.inspected", units, to_state="sellable"))
    work()
    position = positions_of([sock.pk])[sock.pk, store.pk]
    assert (position.received, position.sellable) == (0, 5 + units)
    assert shop.world.listings["WEB"]["SOCK"][0] == 5 + units
    waiting = OutboundCommand.objects.filter(target="erp", status="due")
    assert sorted(waiting.values_list("attempts", flat=True)) == [0] * 60 + [1]
    assert FinancialDocument.objects.filter(status="queued").count() == 61

    erp.come_back()
    waiting.update(not_before=clock.real_now())
    work()
    work()
    assert booked(erp).count(("return", units)) == 1
    assert len(booked(erp)) == 62
    assert set(FinancialDocument.objects.values_list("status", flat=True)) == {"acknowledged"}


@pytest.mark.req("LED-31")
def test_a_document_the_erp_will_never_take_is_refused_with_its_words(erp, tenant):
    item(), node()
    erp.world.faults.append((1, 422, ""))
    send(event("damage.recorded", 1))

    work()

    document = FinancialDocument.objects.get()
    assert (document.status, "answered 422" in document.error) == ("refused", True)
    assert erp.world.documents == {}


@pytest.mark.req("LED-17")
def test_a_supplier_without_a_connector_is_reached_through_the_erp(erp, shop):
    add_connector(
        code="mill", name="Mill", adapter="simulator", url=f"http://127.0.0.1:{shop.port}",
        secret=secret_of("x"), options={"suppliers": ["MILL"]}, by=SYSTEM,
    )  # fmt: skip
    for code in ("MILL", "LOOM"):
        queue_command(
            kind="supplier.discrepancy", target=f"supplier:{code}", idempotency_key=code,
            payload={"supplier": code}, by=SYSTEM,
        )  # fmt: skip

    assert deliver_due(by=SYSTEM) == 2

    assert shop.world.discrepancies == [{"supplier": "MILL"}]
    assert erp.world.discrepancies == [{"supplier": "LOOM"}]
