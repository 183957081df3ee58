"""The world of an exposure rule: a DC that a marketplace and the web shop draw on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.services import add_connector
from connectors.simulators.server import running
from connectors.simulators.state import World
from exceptions.services import detect_due
from inventory_control.availability.services import recalculate_due
from inventory_control.core import clock
from inventory_control.pipeline import run_stage
from tests.factories import SYSTEM, at_node, channel, event, item, node, send


@pytest.fixture
def happen() -> Callable[..., None]:
    """Post events, work out what may be sold, detect."""

    def carry_out(*bodies: dict[str, Any]) -> None:
        assert {str(answer.outcome) for answer in send(*bodies)} <= {"posted"}
        recalculate_due(by=SYSTEM)
        detect_due(by=SYSTEM)

    return carry_out


@pytest.fixture
def cons(tenant: object, happen: Callable[..., None]) -> None:
    """CONS at DC1: sellable 45, reserved 20, safety 5; MK keeps 5 back, WEB nothing."""
    cons, dc = item("CONS"), node("DC1")
    at_node(cons, dc, safety_stock=5)
    channel("MK", dc, buffer=5, kind="marketplace", margin="0.1200")
    channel("WEB", dc, margin="0.3500")
    happen(event("stock.opened", 45, item="CONS", node="DC1"), reserved(20))


def reserved(units: int, **fields: Any) -> dict[str, Any]:
    """An order for CONS at DC1."""
    body = event("order.created", units, item="CONS", node="DC1", channel="WEB", **fields)
    return {"order": body["source_id"], "line": "1", **body}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let product time pass, firing what falls due on the way."""
    real = clock.now

    def pass_by(**span: float) -> None:
        moment: datetime = clock.now() + timedelta(**span)
        gone = moment - real()
        monkeypatch.setattr(clock, "now", lambda: real() + gone)
        for stage in ("timers", "availability", "detect"):
            run_stage(stage)

    return pass_by


@pytest.fixture
def shops() -> Iterator[tuple[World, str]]:
    """The simulated channels and their address."""
    world = World()
    with running(world) as address:
        yield world, address


@pytest.fixture
def connected(shops: tuple[World, str]) -> Callable[..., World]:
    """Serve some channels by the simulator, each by a connector of its own."""

    def connect(*channels: str) -> World:
        world, address = shops
        for code in channels:
            add_connector(
                code=code.lower(), name=code, adapter="simulator", url=address, secret="whsec_x",
                options={"channels": [code]}, by=SYSTEM,
            )  # fmt: skip
        return world

    return connect
