"""The house's own rules, where no linter knows them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from inventory_control import tasks
from inventory_control.celery import app
from inventory_control.core.tenancy import TenantTask
from inventory_control.people.api.authentication import Scoped
from inventory_control.pipeline import STAGES
from inventory_control.web.views import ApiView
from tests.security import FAULTS

ROOT = Path(__file__).parents[2]
PACKAGES = ("inventory_control", "tenants", "exceptions", "ai_advice", "workflows", "connectors")
OWN_THREADS = ("inventory_control/demo/", "inventory_control/embedded/", "connectors/simulators/",
               "inventory_control/stories/runner.py",
               "inventory_control/core/outbound_lanes.py")  # fmt: skip
SIGNED = frozenset({"webhook"})
"""Views that a signature authenticates instead of a key."""


def sources() -> Iterator[tuple[str, str]]:
    """Every module of the product: path below the root, and text."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "/migrations/" not in str(path):
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def api_views(patterns: list[Any] | None = None) -> Iterator[tuple[str, type[ApiView]]]:
    """Every REST view with its URL name, as the resolver knows them."""
    for entry in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(entry, URLResolver):
            yield from api_views(entry.url_patterns)
        elif isinstance(entry, URLPattern):
            view = getattr(entry.callback, "view_class", None) or getattr(
                entry.callback, "cls", None
            )
            if isinstance(view, type) and issubclass(view, ApiView):
                yield entry.name or "", view


@pytest.mark.req("SEC-05")
def test_no_module_starts_threads_of_its_own():
    users = [
        path
        for path, text in sources()
        if re.search(
            r"^\s*(import threading|from threading import (?!Lock$)|from concurrent)",
            text,
            re.MULTILINE,
        )
        and not path.startswith(OWN_THREADS)
    ]

    assert users == []


@pytest.mark.req("SEC-05")
def test_only_the_doorbell_acts_after_commit():
    users = [path for path, text in sources() if "on_commit(" in text]

    assert users == ["inventory_control/core/doorbell.py"]


@pytest.mark.req("SEC-05")
def test_only_the_clock_reads_the_clock():
    pattern = re.compile(r"datetime\.now\(|timezone\.now\(|date\.today\(|utcnow\(")
    users = [
        path
        for path, text in sources()
        if pattern.search(text)
        and not path.startswith(("inventory_control/demo/", "connectors/simulators/"))
    ]

    assert users == ["inventory_control/core/clock.py"]


@pytest.mark.req("SEC-05")
def test_every_stage_is_a_tenant_task():
    names = {f"stages.{stage.name}" for stage in STAGES}

    assert tasks.STAGES is STAGES
    assert {name for name in app.tasks if name.startswith("stages.")} == names
    assert all(isinstance(app.tasks[name], TenantTask) for name in names)


@pytest.mark.req("INT-12")
def test_every_api_view_names_a_permission_for_each_of_its_methods():
    views = dict(api_views())

    assert len(views) >= 40
    for name, view in views.items():
        methods = {
            method.upper() for method in ("get", "post", "put", "delete") if hasattr(view, method)
        }
        if name in SIGNED:
            continue
        assert view.permission_classes == [Scoped], name
        assert set(view.permissions) == methods, name


@pytest.mark.req("INT-31")
def test_every_api_view_names_its_tier():
    silent = [
        name
        for name, view in api_views()
        if not any("tier" in vars(kind) for kind in view.__mro__ if kind is not ApiView)
    ]

    assert silent == []


@pytest.mark.req("SEC-01")
def test_no_serializer_shows_every_field():
    users = [
        path
        for path, text in sources()
        if re.search(r"fields\s*=\s*[\"']__all__[\"']", text) or "exclude = (" in text
    ]

    assert users == []


def test_every_fault_of_the_security_drill_can_be_planted():
    astray = [
        fault.name for fault in FAULTS if fault.before not in (ROOT / fault.file).read_text("utf-8")
    ]

    assert astray == []


def test_every_module_says_what_it_is():
    silent = [path for path, text in sources() if not ast.get_docstring(ast.parse(text))]

    assert silent == []


def test_no_file_is_called_utils():
    banned = {"utils.py", "helpers.py", "common.py", "managers.py", "signals.py"}
    found = [path for path, _ in sources() if Path(path).name in banned]

    assert found == []


@pytest.mark.req("TEN-03")
def test_no_brand_of_the_seeds_and_no_machine_path_is_anywhere():
    words = re.compile(r"/work/|pypi\.org|\.library", re.IGNORECASE)
    found = [path for path, text in sources() if words.search(text)]

    assert found == []
