"""The API describes itself: valid, without a warning, every operation named and guarded."""

from __future__ import annotations

import pytest
import yaml
from django.core.management import call_command

OPEN = {"schema", "docs"}


@pytest.fixture(scope="module")
def description(tmp_path_factory) -> dict:
    file = tmp_path_factory.mktemp("api") / "schema.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def test_the_description_is_valid_and_says_nothing_twice(description):
    operations = [
        operation["operationId"]
        for methods in description["paths"].values()
        for operation in methods.values()
    ]

    assert description["openapi"].startswith("3.1")
    assert len(operations) == len(set(operations)) > 40


@pytest.mark.req("INT-31")
def test_every_operation_is_described_in_one_of_three_tiers(description):
    tags = {
        tuple(operation["tags"])
        for methods in description["paths"].values()
        for operation in methods.values()
    }

    assert tags == {("experience",), ("process",), ("system",)}
    assert [tag["name"] for tag in description["tags"]] == ["experience", "process", "system"]


@pytest.mark.req("INT-13")
def test_every_operation_names_the_one_shape_of_its_refusals(description):
    shapes = {
        str(operation["responses"]["default"]["content"])
        for methods in description["paths"].values()
        for operation in methods.values()
    }
    problem = description["components"]["schemas"]["Problem"]

    assert shapes == {
        "{'application/problem+json': {'schema': {'$ref': '#/components/schemas/Problem'}}}"
    }
    assert sorted(problem["required"]) == [
        "code",
        "correlation_id",
        "detail",
        "status",
        "title",
        "type",
    ]


def test_every_operation_but_signed_webhooks_names_a_key(description):
    without = {
        path
        for path, methods in description["paths"].items()
        for operation in methods.values()
        if not any("key" in one for one in operation.get("security", []))
    }

    assert without == {"/api/v1/webhooks/{code}"}


@pytest.mark.req("INT-16")
def test_every_write_but_signed_webhooks_may_bring_an_idempotency_key(description):
    named = {
        (path, method): "Idempotency-Key"
        in {one["name"] for one in operation.get("parameters", [])}
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }

    assert {
        path for (path, method), is_named in named.items() if method != "get" and not is_named
    } == {"/api/v1/webhooks/{code}"}
    assert not any(is_named for (_, method), is_named in named.items() if method == "get")
