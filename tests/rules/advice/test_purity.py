"""The mathematics of advice imports the standard library and numpy, nothing else."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from ai_advice import rules

FILES = sorted(Path(rules.__path__[0]).glob("*.py"))


@pytest.mark.req("AI-27")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_only_the_standard_library_and_numpy_are_imported(file: Path) -> None:
    imported: set[str] = set()

    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")

    foreign = {
        name
        for name in imported
        if name.split(".")[0] not in sys.stdlib_module_names | {"numpy"}
        and not name.startswith("ai_advice.rules.")
    }
    assert foreign == set()
