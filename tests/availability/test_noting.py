"""Notes of changed places: taken by place, oldest first, each once."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from inventory_control.availability.models import ChangedPlace
from inventory_control.availability.services import note_changed_places, take_changed_places
from inventory_control.core import clock

A, B, C = (1, 1), (1, 2), (2, 1)


def take(limit: int) -> tuple[int, set[tuple[int, int]]]:
    """Take notes in a transaction of their own."""
    with transaction.atomic():
        return take_changed_places(limit)


def test_a_place_that_changed_often_is_looked_at_once(committed):
    for minute, places in enumerate([[A, B], [A], [A, C], [A]]):
        note_changed_places(places, clock.now() + timedelta(minutes=minute))

    assert take(2) == (2, {A, B})
    assert [(one.item_id, one.node_id) for one in ChangedPlace.objects.all()] == [C]
    assert take(2) == (1, {C})
    assert take(2) == (0, set())


def test_as_many_notes_as_the_limit_say_that_others_may_be_left(committed):
    note_changed_places([A], clock.now())
    note_changed_places([A], clock.now())
    note_changed_places([B], clock.now())

    assert take(2) == (2, {A})
    assert take(2) == (1, {B})
