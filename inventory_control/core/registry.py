"""One typed table from key to extension, used for adapters, detectors, advisors and actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

from inventory_control.core.errors import Refused


class Keyed(Protocol):
    """What every extension shows of itself: a stable key and one line of meaning."""

    key: str
    meaning: str


Extension = TypeVar("Extension", bound=Keyed)


class Registry(Generic[Extension]):
    """The extensions of one sort, filled at import and read-only from then on."""

    def __init__(self, noun: str, *extensions: Extension) -> None:
        self._noun = noun
        table: dict[str, Extension] = {}
        for extension in extensions:
            if extension.key in table:
                raise ValueError(f"two {noun}s share the key {extension.key}")
            if not extension.meaning:
                raise ValueError(f"{noun} {extension.key} does not say what it means")
            table[extension.key] = extension
        self._table: Mapping[str, Extension] = MappingProxyType(table)

    def get(self, key: str) -> Extension:
        """Return the extension of that key; raises `Refused` naming the keys there are."""
        try:
            return self._table[key]
        except KeyError:
            known = ", ".join(sorted(self._table))
            raise Refused(f"No {self._noun} is called {key}. Known: {known}.") from None

    def __iter__(self) -> Iterator[Extension]:
        return iter(self._table.values())

    def __contains__(self, key: object) -> bool:
        return key in self._table

    def __len__(self) -> int:
        return len(self._table)
