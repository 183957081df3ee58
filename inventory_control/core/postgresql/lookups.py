"""`__in` with many values: they travel as one array instead of a placeholder each.

A look of the detectors asks a dozen tables for a thousand places. Django prepares every value by
itself and the driver writes each into the statement by itself: nearly half of what such a look
costs the process. The server turns the list into the same array in the end.
"""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, ForeignKey, IntegerField, TextField
from django.db.models.fields.related_lookups import RelatedIn
from django.db.models.lookups import In

from inventory_control.core.sql import numbers, texts

FEW = 50
"""Up to so many values Django's way costs next to nothing. The lists of words that are written in the
code are shorter, so the conditions of partial indexes read as ever."""


class _ManyIn(In):
    """Whole numbers or texts as an array, when there are many; everything else as Django does it."""

    def process_rhs(self, compiler: Any, connection: Any) -> Any:
        """The array and its one parameter; NULL equals nothing and is left out."""
        values = self.rhs
        if self.rhs_is_direct_value() and len(values) > FEW and not self.bilateral_transforms:
            kinds = {type(one) for one in values} - {type(None)}
            if kinds == {int}:
                return "ANY(%s::bigint[])", [numbers(_distinct(values))]
            if kinds == {str}:
                return "ANY(%s::text[])", [texts(_distinct(values))]
        return super().process_rhs(compiler, connection)

    def get_rhs_op(self, connection: Any, rhs: str) -> str:
        """`=` before an array, `IN` before a list."""
        return f"= {rhs}" if rhs.startswith("ANY(") else super().get_rhs_op(connection, rhs)


class _ManyRelatedIn(_ManyIn, RelatedIn):
    """`in` of a foreign key."""


def _distinct(values: list[Any]) -> list[Any]:
    return [one for one in dict.fromkeys(values) if one is not None]


for _field in (IntegerField, CharField, TextField):
    _field.register_lookup(_ManyIn)
ForeignKey.register_lookup(_ManyRelatedIn)
