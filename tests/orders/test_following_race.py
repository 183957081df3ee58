"""Two followers at once: nothing is counted twice, and an older story never covers a newer one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from inventory_control.core.tenancy import TenantRef, in_tenant
from inventory_control.events.models import EventWork
from inventory_control.orders.models import PurchaseOrder, PurchaseOrderLine
from inventory_control.orders.services import follow_events, following
from tests.factories import SYSTEM, event, item, node, send, supplier
from tests.orders.documents import placed, told

ROUNDS = 10


def follow_in(tenant: TenantRef, together: threading.Barrier) -> int:
    """One worker of the stage."""
    with in_tenant(tenant):
        try:
            together.wait()
            return follow_events(by=SYSTEM)
        finally:
            connection.close()


@pytest.mark.req("OBS-06")
def test_two_followers_count_every_receipt_once(committed):
    sock, store = item(supplier=supplier()), node()
    together = threading.Barrier(2, timeout=30)

    with ThreadPoolExecutor(max_workers=2) as pool:
        for _ in range(ROUNDS):
            with transaction.atomic():
                order = placed(sock, store, 50)
                bodies = [
                    event("receipt.recorded", 1, document=order.number, line=str(part))
                    for part in range(50)
                ]
                send(*bodies)
            followed = [pool.submit(follow_in, committed, together) for _ in range(2)]
            assert sum(one.result() for one in followed) == 50

    assert set(PurchaseOrderLine.objects.values_list("received", flat=True)) == {50}
    assert set(PurchaseOrder.objects.values_list("status", flat=True)) == {"received"}
    assert told("purchaseorder").count("purchase_order.received") == ROUNDS
    assert EventWork.objects.filter(consumer="orders").count() == 0


def overtaken(tenant: TenantRef, monkeypatch: pytest.MonkeyPatch) -> int:
    """One follower reads the history and stops; a receipt comes and another follower deals with
    it; then the first goes on. Answers what the line holds in the end.
    """
    sock, store = item(supplier=supplier()), node()
    order = placed(sock, store, 10)
    send(event("receipt.recorded", 4, document=order.number))
    has_read, may_go_on = threading.Event(), threading.Event()
    read = following.document_history

    def read_and_wait(documents: list[str]) -> object:
        history = read(documents)
        if threading.current_thread() is not threading.main_thread() and not has_read.is_set():
            has_read.set()
            may_go_on.wait(timeout=1.5)
        return history

    monkeypatch.setattr(following, "document_history", read_and_wait)
    with ThreadPoolExecutor(max_workers=1) as pool:
        slow = pool.submit(follow_in, tenant, threading.Barrier(1))
        assert has_read.wait(timeout=20)
        send(event("receipt.recorded", 6, document=order.number))
        follow_events(by=SYSTEM)
        may_go_on.set()
        slow.result()
    return int(PurchaseOrderLine.objects.get().received)


@pytest.mark.req("OBS-06")
def test_a_follower_that_read_before_another_wrote_does_not_write_over_it(committed, monkeypatch):
    assert overtaken(committed, monkeypatch) == 10


@pytest.mark.req("OBS-06")
def test_without_the_lock_the_older_story_covers_the_newer(committed, monkeypatch):
    """The twin of the test above: why followers of one tenant wait for one another."""
    monkeypatch.setattr(following, "_hold_following", lambda: None)

    assert overtaken(committed, monkeypatch) == 4
