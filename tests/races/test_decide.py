"""Two people agree to one approval at the same moment: one order leaves, every time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import IllegalMove
from inventory_control.core.tenancy import TenantRef, in_tenant
from inventory_control.orders.models import PurchaseOrder
from inventory_control.people.selectors import actor_of_user
from inventory_control.people.services import add_member
from tests.factories import SYSTEM, at_node, event, item, node, send, supplier
from tests.workflows.conftest import look
from workflows.models import Approval
from workflows.services import decide_one
from workflows.values import Verdict

ITEMS = 12


@pytest.mark.req("EXC-43", "APR-04")
def test_two_planners_at_once_place_one_order_each_time(committed):
    people = [_planner(name) for name in ("Ada", "Bob")]
    mill, dc = supplier(), node("DC", kind="dc")
    for number in range(ITEMS):
        at_node(item(f"SOCK-{number}", supplier=mill), dc, reorder_point=6, order_up_to=24)
        send(event("stock.opened", 4, item=f"SOCK-{number}", node="DC"))
    look()
    asked = list(Approval.objects.order_by("pk").values_list("pk", flat=True))
    assert len(asked) == ITEMS
    together = threading.Barrier(2, timeout=30)

    with ThreadPoolExecutor(max_workers=2) as pool:
        won = [
            sum(pool.map(lambda by, pk=pk: _press(committed, pk, together, by), people))
            for pk in asked
        ]

    assert won == [1] * ITEMS
    assert PurchaseOrder.objects.count() == ITEMS


def _planner(name: str) -> Actor:
    user = add_member(
        username=name, name=name, password=None, roles=["planner"], kind="person", by=SYSTEM
    )
    actor = actor_of_user(user.pk, at=clock.real_now())
    assert actor is not None
    return actor


def _press(tenant: TenantRef, approval: int, together: threading.Barrier, by: Actor) -> int:
    with in_tenant(tenant):
        try:
            together.wait()
            decide_one(approval=approval, verdict=Verdict.APPROVED, reason="", by=by)
        except IllegalMove:
            return 0
        finally:
            connection.close()
    return 1
