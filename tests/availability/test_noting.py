"""Notes of changed places: taken by place, oldest first, each once."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from inventory_control.availability.models import ChangedPlace
from inventory_control.availability.services import note_changed_places, take_changed_places
from inventory_control.core import clock

A, B, C = (1, 1), (1, 2), (2, 1)


def take(limit: int) -> set[tuple[int, int]]:
    """Take notes in a transaction of their own."""
    with transaction.atomic():
        return take_changed_places(limit)


def test_a_place_that_changed_often_is_looked_at_once(committed):
    for minute, places in enumerate([[A, B], [A], [A, C], [A]]):
        note_changed_places(places, clock.now() + timedelta(minutes=minute))

    assert take(2) == {A, B}
    assert [(one.item_id, one.node_id) for one in ChangedPlace.objects.all()] == [C]
    assert take(2) == {C}
    assert take(2) == set()


def test_places_are_taken_in_the_order_they_were_noted_first(committed):
    for place in (C, A, A, C, B):
        note_changed_places([place], clock.now())

    assert [take(1), take(1), take(1)] == [{C}, {A}, {B}]
    assert ChangedPlace.objects.count() == 0
