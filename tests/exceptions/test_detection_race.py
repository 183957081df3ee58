"""Two workers detect at the same moment: one risk gets one case, under whichever name."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from exceptions.models import ExceptionCase
from exceptions.services import detect_due
from inventory_control.availability.models import ChangedNote
from inventory_control.availability.services import note_changed_places, recalculate_due
from inventory_control.core import clock
from inventory_control.core.tenancy import TenantRef, in_tenant
from tests.factories import SYSTEM, at_node, event, item, node, send

ROUNDS = 10


@pytest.mark.req("EXC-39")
def test_two_workers_open_one_case_per_risk(committed):
    where = node("S5")
    together = threading.Barrier(2, timeout=30)

    with ThreadPoolExecutor(max_workers=2) as pool:
        for number in range(ROUNDS):
            sock = item(f"I{number}")
            at_node(sock, where, reorder_point=6)
            send(event("receipt.recorded", 4, item=sock.sku, node="S5"))
            recalculate_due(by=SYSTEM)
            note_changed_places([(sock.pk, where.pk)], clock.now())
            list(pool.map(lambda _worker: _detect(committed, together), range(2)))

    assert ExceptionCase.objects.count() == ROUNDS
    assert ChangedNote.objects.count() == 0
    assert _opened() == ROUNDS


def _detect(tenant: TenantRef, together: threading.Barrier) -> None:
    with in_tenant(tenant):
        try:
            together.wait()
            detect_due(by=SYSTEM)
        finally:
            connection.close()


def _opened() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM entry WHERE verb = 'case.opened'")
        return int(cursor.fetchone()[0])
