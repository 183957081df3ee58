"""Many values of an `__in` travel as one array, and mean what Django means by them."""

from __future__ import annotations

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext

from inventory_control.catalog.models import Item, ItemNode, Node

AWKWARD = [
    "plain",
    "a,b",
    'quo"te',
    "back\\slash",
    "{brace}",
    "NULL",
    "",
    "caf\u00e9",
    "it's",
    "100%s",
]
MANY = [f"N{number}" for number in range(100)]


def make_nodes(codes: list[str]) -> dict[str, int]:
    """Nodes by their codes."""
    made = Node.objects.bulk_create([Node(code=code, name=code) for code in codes])
    return {node.code: node.pk for node in made}


def statement_of(found: object) -> str:
    """What a queryset sends."""
    with CaptureQueriesContext(connection) as asked:
        list(found)  # type: ignore[call-overload]
    (one,) = asked.captured_queries
    return one["sql"]


def test_a_thousand_keys_are_one_parameter(committed):
    ids = make_nodes(MANY)
    wanted = [*list(ids.values())[:40], *range(900_000, 900_960), None]

    found = Node.objects.filter(pk__in=wanted)

    assert len(found.query.sql_with_params()[1]) == 1
    assert sorted(node.code for node in found) == sorted(MANY[:40])
    assert Node.objects.exclude(pk__in=wanted).count() == 60
    assert "= ANY('{" in statement_of(found.all())


def test_texts_mean_themselves(committed):
    make_nodes([*AWKWARD, *MANY])

    found = Node.objects.filter(code__in=[*AWKWARD, *(f"none{number}" for number in range(50))])

    assert len(found.query.sql_with_params()[1]) == 1
    assert {node.code for node in found} == set(AWKWARD)


def test_foreign_keys_take_keys_and_rows(committed):
    ids = make_nodes(MANY)
    item = Item.objects.create(sku="A", name="A")
    ItemNode.objects.bulk_create([ItemNode(item=item, node_id=pk) for pk in ids.values()])
    wanted = list(Node.objects.filter(pk__in=list(ids.values())[:50]))

    assert ItemNode.objects.filter(node__in=wanted).count() == 50
    assert ItemNode.objects.filter(node_id__in=[node.pk for node in wanted]).count() == 50
    assert ItemNode.objects.filter(node__in=Node.objects.filter(code="N1")).count() == 1


def test_few_values_are_left_to_django(committed):
    ids = make_nodes(MANY)

    found = Node.objects.filter(pk__in=list(ids.values())[:3])

    assert len(found.query.sql_with_params()[1]) == 3
    assert found.count() == 3
    assert list(Node.objects.filter(pk__in=[])) == []


def test_what_cannot_be_a_text_is_refused(committed):
    with pytest.raises((DataError, ValueError)):
        list(Node.objects.filter(code__in=[*MANY, "nul\0"]))
    with pytest.raises(ValueError, match="expected a number"):
        list(Node.objects.filter(pk__in=[*range(60), "seven"]))
