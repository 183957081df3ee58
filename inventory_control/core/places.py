"""Places: an item at a node, and many of them as the statements that ask about them want them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inventory_control.core.sql import numbers

Place = tuple[int, int]
"""(item id, node id)."""


class Places:
    """Some places, each once and in order, with the arrays a statement unnests to ask for them.

    A look asks a dozen questions about the same places; writing two arrays for each of them costs
    more than most of the answers. `arrays` holds them by the names `items` and `nodes`.
    """

    __slots__ = ("_places", "arrays")

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = sorted(set(places))
        self.arrays = {
            "items": numbers(item for item, _ in self._places),
            "nodes": numbers(node for _, node in self._places),
        }

    @classmethod
    def of(cls, places: Iterable[Place]) -> Places:
        """The places themselves when they are that already."""
        return places if isinstance(places, cls) else cls(places)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def node_ids(self) -> list[int]:
        """The nodes among them, each once and in order."""
        return sorted({node for _, node in self._places})
