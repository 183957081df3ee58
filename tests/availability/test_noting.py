"""Notes of changed places: taken whole, oldest first, each place once."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from inventory_control.availability.models import ChangedNote
from inventory_control.availability.services import note_changed_places, take_changed_places
from inventory_control.core import clock

A, B, C = (1, 1), (1, 2), (2, 1)


def take(limit: int) -> set[tuple[int, int]]:
    """Take notes in a transaction of their own."""
    with transaction.atomic():
        return take_changed_places(limit)


def noted() -> list[list[tuple[int, int]]]:
    """The places of each note there is, in order."""
    return [
        list(zip(one.item_ids, one.node_ids, strict=True))
        for one in ChangedNote.objects.order_by("id")
    ]


def test_a_place_that_changed_often_is_looked_at_once(committed):
    for minute, places in enumerate([[A, B], [A], [A, C], [A]]):
        note_changed_places(places, clock.now() + timedelta(minutes=minute))

    assert take(2) == {A, B}
    assert noted() == [[A, C], [A]]
    assert take(2) == {A, C}
    assert noted() == []
    assert take(2) == set()


def test_a_look_takes_notes_until_it_has_enough_and_the_last_one_whole(committed):
    for places in ([A], [A], [B, C], [A], [(3, 1)]):
        note_changed_places(places, clock.now())

    assert take(2) == {A, B, C}
    assert noted() == [[(3, 1)]]


def test_what_a_look_found_is_one_note_and_a_second_where_it_is_too_long(committed):
    places = [(number, 1) for number in range(1, 2_501)]
    note_changed_places(places, clock.now())

    assert [len(note) for note in noted()] == [1_000, 1_000, 500]
    assert noted()[0][:2] == [(1, 1), (2, 1)]
    assert take(1_000) == set(places[:1_000])
    assert take(1_001) == set(places[1_000:])


def test_no_place_is_no_note(committed):
    note_changed_places([], clock.now())

    assert noted() == []


def test_places_are_taken_in_the_order_they_were_noted_first(committed):
    for place in (C, A, A, C, B):
        note_changed_places([place], clock.now())

    assert [take(1), take(1), take(1), take(1)] == [{C}, {A}, {C}, {B}]
    assert noted() == []
