"""Stock cards: everything a look at some places needs of each of them, in one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from inventory_control.core.places import Place, Places
from inventory_control.core.sql import hot, named_statements, numbers, times
from inventory_control.stock.values import StockCard, StockDoubts

CARD_SQL = named_statements(Path(__file__).parents[1] / "cards.sql")


def stock_cards(
    places: Iterable[Place], *, since: Mapping[int, date], until: date
) -> list[StockCard]:
    """The cards of some places in order; one statement for any number.

    Demand is counted from the day of `since` of each node to before `until`. A place whose node has
    no such day is missing.
    """
    found = hot(
        CARD_SQL["cards"],
        {
            **Places.of(places).arrays,
            "node_ids": numbers(since),
            "since": times(since.values()),
            "until": until,
        },
    )
    return [StockCard(*row) for row in found]


def stock_doubts() -> StockDoubts:
    """Of which sorts the ledger has anything in doubt; most looks need not ask place by place."""
    return StockDoubts(*hot(CARD_SQL["doubts"], ())[0])
