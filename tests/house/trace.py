"""Requirement coverage: which IDs the tests and stories claim to prove, and which nobody does.

`python -m tests.house.trace`; the requirements are read from RETAIL_REFERENCE_DIR.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
_ROW = re.compile(r"^\| (?P<id>[A-Z]{2,4}-\d{2,3}) \|", re.MULTILINE)


def claims() -> dict[str, list[str]]:
    """Requirement ID -> the tests that name it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        everywhere = [
            name for node in tree.body if isinstance(node, ast.Assign) for name in _ids(node.value)
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                own = [name for mark in node.decorator_list for name in _ids(mark)]
                for name in {*own, *everywhere}:
                    found[name].append(f"{path.relative_to(TESTS.parent)}::{node.name}")
    return found


def _ids(node: ast.AST) -> Iterator[str]:
    for call in ast.walk(node):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "req"
        ):
            yield from (
                argument.value
                for argument in call.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            )


def main() -> int:
    """Print the coverage; fails when a test names an ID that does not exist."""
    folder = os.environ.get("RETAIL_REFERENCE_DIR")
    claimed = claims()
    if not folder:
        sys.stdout.write("RETAIL_REFERENCE_DIR is not set: IDs are counted, not compared.\n")
        known = set(claimed)
    else:
        text = (Path(folder) / "requirements.md").read_text(encoding="utf-8")
        known = set(_ROW.findall(text))
    unknown = sorted(set(claimed) - known)
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(known):
        groups[name.partition("-")[0]].append(name)
    for group, names in groups.items():
        proved = [name for name in names if name in claimed]
        missing = ", ".join(name for name in names if name not in claimed)
        sys.stdout.write(
            f"{group:>4} {len(proved):>3} of {len(names):<3} without: {missing or '-'}\n"
        )
    for name in unknown:
        sys.stdout.write(f"unknown ID {name}: {', '.join(claimed[name])}\n")
    proved_all = len(known & set(claimed))
    result = {
        "ok": not unknown,
        "requirements": len(known) if folder else None,
        "with_a_test": proved_all,
        "share": round(proved_all / len(known), 3) if folder and known else None,
        "tests": sum(map(len, claimed.values())),
        "unknown": unknown,
    }
    sys.stdout.write(json.dumps(result, separators=(",", ":")) + "\n")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
