"""The parts of a filter bar, as `console/_filters.html` takes them."""

from __future__ import annotations

from collections.abc import Iterable


def select_of(
    name: str, label: str, choices: Iterable[tuple[str, str]], chosen: str
) -> dict[str, object]:
    """One select of the bar: its values with their words, and which of them is chosen."""
    return {
        "name": name,
        "label": label,
        "options": [
            {"value": value, "label": words, "selected": value == chosen}
            for value, words in choices
        ],
    }
