"""`python -m tests.security`: prints the rights table, runs the isolation tests, plants faults.

Each planted fault is one changed line in a copy of the checkout; the tests named beside it must
turn red. A fault whose place the product does not have yet is listed, never skipped silently.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inventory_control.embedded import EmbeddedStack, default_data_dir

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".git", ".data", "__pycache__", ".*_cache", ".hypothesis"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One planted fault: what it is, where, the line before and after, and who must notice."""

    name: str
    file: str
    before: str
    after: str
    noticed_by: str


FAULTS = (
    Fault(
        "cache KEY_FUNCTION removed",
        "inventory_control/settings/base.py",
        '"KEY_FUNCTION": "inventory_control.core.tenancy.cache_key",',
        "",
        "tests/matrix/test_context_loss.py -k t7",
    ),
    Fault(
        "a thread started in a view",
        "inventory_control/stock/api/views.py",
        "from collections import Counter",
        "import threading\nfrom collections import Counter",
        "tests/house/test_house.py -k threads",
    ),
    Fault(
        "a task without the tenant base class",
        "inventory_control/tasks.py",
        "@app.task(bind=True, base=TenantTask, name",
        "@app.task(bind=True, name",
        "tests/house/test_house.py -k tenant_task",
    ),
    Fault(
        "a missing tenant header ignored",
        "inventory_control/core/tenancy.py",
        "if not tenant_id or header != tenant_id:",
        "if header is not None and header != tenant_id:",
        "tests/matrix/test_context_loss.py -k 'c3 or c7'",
    ),
    Fault(
        "work after commit outside the tenant",
        "inventory_control/stock/services/posting.py",
        "    hand_over(_routed(fresh, {name for (name,) in wanted.rows()}))",
        "    transaction.on_commit(lambda: hand_over(_routed(fresh, set())))",
        "tests/house/test_house.py -k commit",
    ),
    Fault(
        "a queryset in a module-level variable",
        "inventory_control/orders/selectors.py",
        '    return TransferOrder.objects.select_related("item", "from_node", "to_node")',
        '    return _ALL.select_related("item", "from_node", "to_node")\n\n\n'
        "_ALL = TransferOrder.objects.all()",
        "tests/console/test_pages.py -k transfers",
    ),
    Fault(
        "lru_cache on a function that reads the database",
        "inventory_control/policies/selectors.py",
        "def current_policy(",
        "import functools\n\n\n@functools.lru_cache\ndef current_policy(",
        "tests/matrix/test_tenancy.py -k policy",
    ),
    Fault(
        "the role switch removed",
        "inventory_control/core/postgresql/base.py",
        'sql.SQL("NONE") if role is None else sql.Identifier(role)',
        'sql.SQL("NONE")',
        "tests/matrix/test_context_loss.py -k 't9 or t10'",
    ),
    Fault(
        "a business app in SHARED_APPS",
        "inventory_control/settings/base.py",
        'SHARED_APPS = ["django_tenants", "tenants", *BOTH]',
        'SHARED_APPS = ["django_tenants", "tenants", "inventory_control.catalog", *BOTH]',
        "tests/matrix/test_context_loss.py -k public_holds",
    ),
    Fault(
        "the tenant left out of log lines",
        "inventory_control/core/telemetry.py",
        "            _stamp,\n",
        "",
        "tests/matrix/test_tenancy.py -k log_line",
    ),
    Fault(
        "a view without a permission class",
        "inventory_control/orders/api/views.py",
        '    permissions = {"GET": permissions.READ}\n\n    @extend_schema(operation_id="read_transfer"',
        '    permission_classes = []\n\n    @extend_schema(operation_id="read_transfer"',
        "tests/house/test_house.py -k permission",
    ),
    Fault(
        'a serializer with fields = "__all__"',
        "inventory_control/orders/api/views.py",
        '        fields = (\n            "sku", "quantity", "announced"',
        '        fields = "__all__"\n        shown = (\n            "sku", "quantity", "announced"',
        "tests/house/test_house.py -k serializer",
    ),
    Fault(
        "a queryset that ignores who asks",
        "workflows/selectors.py",
        "    return Q(role__in=roles) | Q(escalated_role__in=roles)",
        "    return Q()",
        "tests/console/test_pages.py -k another_role",
    ),
)
NOT_YET_REACHABLE = {
    "TENANT_LIMIT_SET_CALLS behind a transaction pooler": "the switch is the product's own and the "
    "setting is not read; a pooler comes with the deployment guide",
    "a JWT without tenant claim": "there are no JWTs: keys are rows of the tenant's schema",
    "file storage with a fixed location": "nothing is stored in files yet",
}


def main() -> int:
    """Run everything; the last line is one JSON object."""
    with _servers():
        return _main()


@contextmanager
def _servers() -> Iterator[None]:
    """One embedded stack for every run below, unless the environment names servers."""
    if "DATABASE_BOOTSTRAP_URL" in os.environ:
        yield
        return
    stack = EmbeddedStack(default_data_dir(ROOT).with_name("security-stack"))
    endpoints = stack.start()
    try:
        os.environ["DATABASE_BOOTSTRAP_URL"] = endpoints.database_url
        os.environ["REDIS_URL"] = endpoints.redis_url
        os.environ["BROKER_URL"] = endpoints.broker_url
        yield
    finally:
        stack.stop()


def _main() -> int:
    table = _rights_table()
    isolation = _pytest("tests/matrix/test_context_loss.py tests/matrix/test_tenancy.py", ROOT, "s")
    is_sound = _is_control_green()
    noticed = 0
    for number, fault in enumerate(FAULTS):
        is_red = _is_noticed(fault, number)
        noticed += is_red
        _say(f"{'noticed' if is_red else 'NOT NOTICED':>12}  {fault.name}")
    for name, why in NOT_YET_REACHABLE.items():
        _say(f"not reachable  {name}: {why}")
    result = {
        "ok": is_sound
        and noticed == len(FAULTS)
        and isolation == 0
        and table["refused"] == table["attempts"],
        "rights_attempts": table["attempts"],
        "rights_refused": table["refused"],
        "isolation_green": isolation == 0,
        "control_green": is_sound,
        "faults": len(FAULTS) + len(NOT_YET_REACHABLE),
        "faults_noticed": noticed,
        "faults_not_yet_reachable": len(NOT_YET_REACHABLE),
    }
    _say(json.dumps(result, separators=(",", ":")))
    return 0 if result["ok"] else 1


def _rights_table() -> dict[str, int]:
    """Run test A3 and print it as a table of role and attempt."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/matrix/test_rights.py", "-q", "-rA"],
        cwd=ROOT,
        env={**os.environ, "IC_TEST_SUFFIX": "_rights"},
        capture_output=True,
        text=True,
    )
    outcome = re.compile(r"^(PASSED|FAILED|ERROR) \S+\[(?P<role>[^:]+): (?P<name>[^\]]+)\]", re.M)
    rows: dict[str, dict[str, bool]] = defaultdict(dict)
    for found in outcome.finditer(done.stdout):
        rows[found["role"]][found["name"]] = found[1] == "PASSED"
    for role, attempts in rows.items():
        refused = [name for name, is_refused in attempts.items() if is_refused]
        succeeded = [name for name, is_refused in attempts.items() if not is_refused]
        _say(f"{role:>24}: {len(refused)} of {len(attempts)} refused ({', '.join(attempts)})")
        if succeeded:
            _say(f"{'':>24}  SUCCEEDED: {', '.join(succeeded)}")
    every = [is_refused for attempts in rows.values() for is_refused in attempts.values()]
    return {"attempts": len(every), "refused": sum(every)}


def _is_control_green() -> bool:
    """Whether every test below is green in a copy without a fault: else red would prove nothing."""
    with tempfile.TemporaryDirectory(prefix="ic-control-") as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        reds = [
            fault.name
            for number, fault in enumerate(FAULTS)
            if _pytest(fault.noticed_by, copy, f"c{number}") != 0
        ]
    for name in reds:
        _say(f"{'CONTROL RED':>12}  {name}")
    return not reds


def _is_noticed(fault: Fault, number: int) -> bool:
    """Plant a fault in a copy and say whether the tests beside it turn red."""
    with tempfile.TemporaryDirectory(prefix="ic-fault-") as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        target = copy / fault.file
        text = target.read_text(encoding="utf-8")
        if fault.before not in text:
            _say(f"{fault.file} has no line {fault.before!r}: the fault cannot be planted")
            return False
        target.write_text(text.replace(fault.before, fault.after, 1), encoding="utf-8")
        return _pytest(fault.noticed_by, copy, f"f{number}") == 1


def _pytest(arguments: str, where: Path, suffix: str) -> int:
    done = subprocess.run(
        ["bash", "-c", f'exec "{sys.executable}" -m pytest -q -x {arguments}'],
        cwd=where,
        env={**os.environ, "IC_TEST_SUFFIX": f"_{suffix}"},
        capture_output=True,
        text=True,
    )
    return done.returncode


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
