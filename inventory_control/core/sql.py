"""Reads .sql files: SQL lives in files of its own, each statement named and explained."""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: (?P<name>\w+)$", re.MULTILINE)


def named_statements(path: Path) -> dict[str, str]:
    """The statements of a file by the names its `-- name:` lines give them."""
    text = path.read_text(encoding="utf-8")
    starts = list(_NAME.finditer(text))
    ends = [*(start.start() for start in starts[1:]), len(text)]
    return {
        start["name"]: text[start.end() : end].strip()
        for start, end in zip(starts, ends, strict=True)
    }
