"""Places: each once, in order, and the arrays that statements ask for them with."""

from __future__ import annotations

from inventory_control.core.places import Places


def test_places_come_once_and_in_order_with_their_arrays():
    places = Places(iter([(2, 1), (1, 9), (2, 1), (1, 3)]))

    assert list(places) == [(1, 3), (1, 9), (2, 1)]
    assert len(places) == 3
    assert places.arrays == {"items": "{1,1,2}", "nodes": "{3,9,1}"}
    assert places.node_ids() == [1, 3, 9]
    assert Places.of(places) is places
    assert list(Places.of([(5, 5)])) == [(5, 5)]


def test_no_places_are_false_and_empty_arrays():
    nowhere = Places([])

    assert not nowhere
    assert nowhere.arrays == {"items": "{}", "nodes": "{}"}
