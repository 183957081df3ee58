"""Fixtures: a real PostgreSQL database with two provisioned tenants, actors, master data."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import django
import hypothesis
import psycopg
import pytest
from psycopg import sql

# No example is late: how long one takes is the machine's affair.
hypothesis.settings.register_profile(
    "product", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("product")

ROOT = Path(__file__).parents[1]


def _prepare_environment() -> None:
    """Choose servers and make an empty database before Django reads its settings.

    Uses the servers of DATABASE_BOOTSTRAP_URL, REDIS_URL and BROKER_URL when they are set, and
    the embedded ones otherwise. The database is called ic_test, plus IC_TEST_SUFFIX and the
    xdist worker.
    """
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "inventory_control.settings.test"
    if "DATABASE_BOOTSTRAP_URL" not in os.environ:
        from inventory_control.embedded import EmbeddedStack, default_data_dir

        stack = EmbeddedStack(default_data_dir(ROOT).with_name("test-stack"))
        endpoints = stack.start()
        os.environ["DATABASE_BOOTSTRAP_URL"] = endpoints.database_url
        os.environ["REDIS_URL"] = endpoints.redis_url
        os.environ["BROKER_URL"] = endpoints.broker_url
    from inventory_control.core.postgresql.bootstrap import LOGINS, bootstrap

    name = (
        "ic_test" + os.environ.get("IC_TEST_SUFFIX", "") + os.environ.get("PYTEST_XDIST_WORKER", "")
    )
    superuser = os.environ["DATABASE_BOOTSTRAP_URL"]
    with psycopg.connect(superuser, autocommit=True) as session:
        session.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )
        session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = psycopg.conninfo.conninfo_to_dict(superuser)
    parts = {"host": url.get("host", ""), "port": url.get("port", "")}
    query = "&".join(f"{key}={value}" for key, value in parts.items() if value)
    passwords = dict.fromkeys(LOGINS, "test-password")
    bootstrap(psycopg.conninfo.make_conninfo(**{**url, "dbname": name}), passwords)
    for login, variable in (
        ("ic_app", "DATABASE_URL"),
        ("ic_ai", "DATABASE_AI_URL"),
        ("ic_sealer", "DATABASE_SEALER_URL"),
        ("ic_provisioner", "DATABASE_OWNER_URL"),
    ):
        os.environ[variable] = f"postgresql://{login}:test-password@/{name}?{query}"
    os.environ["DATABASE_SUPERUSER_URL"] = psycopg.conninfo.make_conninfo(**{**url, "dbname": name})


_prepare_environment()
django.setup()
# The workers of a parallel run inherit the environment; finding this name there, pytest-django
# would load their settings before they have a database of their own.
SETTINGS_MODULE = os.environ.pop("DJANGO_SETTINGS_MODULE")


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """The database was made before Django started; see `house`."""


@pytest.fixture(scope="session")
def house(django_db_blocker):
    """A partner with two tenants, A and B, provisioned through the product's own code."""
    subprocess.run(
        [sys.executable, "manage.py", "migrate_schemas", "--shared", "-v0"],
        cwd=ROOT,
        env={**os.environ, "IC_LOGIN": "owner", "DJANGO_SETTINGS_MODULE": SETTINGS_MODULE},
        check=True,
    )
    from inventory_control.core.tenancy import in_public
    from inventory_control.provisioning import provision
    from tenants.services import create_partner, create_tenant

    with django_db_blocker.unblock():
        with in_public():
            partner = create_partner(
                name="Harbour", slug="harbour", domain="partner.localhost", seed="#0b5c78"
            )
            rows = [
                create_tenant(
                    partner=partner,
                    name=name,
                    label=label,
                    domain=f"{label}.localhost",
                    seed=seed,
                    is_sandbox=is_sandbox,
                )
                for name, label, seed, is_sandbox in (
                    ("Alder", "alder", "#7a2e2e", True),
                    ("Birch", "birch", "#1f6f43", False),
                )
            ]
        return [provision(row) for row in rows]


@pytest.fixture(scope="session", autouse=True)
def calls_ended() -> Iterator[None]:
    """Close the connections kept to systems that were called."""
    from inventory_control.core import outbound_http

    yield
    for client in outbound_http._clients:
        client.close()


@pytest.fixture
def tenant_a(house):
    """The sandbox tenant."""
    return house[0]


@pytest.fixture
def tenant_b(house):
    """The other tenant, with real time."""
    return house[1]


@pytest.fixture
def tenant(tenant_a, django_db_blocker) -> Iterator[object]:
    """Inside tenant A, in a transaction that is rolled back: most tests want this."""
    from django.db import transaction

    from inventory_control.core.tenancy import in_tenant

    with django_db_blocker.unblock():
        know_hosts()
        with in_tenant(tenant_a), transaction.atomic():
            yield tenant_a
            transaction.set_rollback(True)


@pytest.fixture
def committed(tenant_a, django_db_blocker) -> Iterator[object]:
    """Inside tenant A with real commits; every table is emptied before and afterwards."""
    from inventory_control.core.tenancy import in_tenant

    with django_db_blocker.unblock():
        know_hosts()
        empty(tenant_a)
        with in_tenant(tenant_a):
            yield tenant_a
    empty(tenant_a)


def know_hosts() -> None:
    """Look the hosts up now and remember them: inside a transaction nobody may leave the tenant."""
    from tenants import selectors

    selectors.KEPT_FOR_S = 3_600.0
    selectors.forget()
    for host in ("alder.localhost", "birch.localhost", "partner.localhost"):
        selectors.house_of(host)


def empty(ref) -> None:
    """Leave a tenant as it was provisioned: only roles, first policies and workflows.

    As a superuser: its ledger and its audit log refuse everybody else.
    """
    keep = {
        "auth_permission",
        "django_content_type",
        "django_migrations",
        "people_role",
        "policies_policy",
        "workflows_workflow",
    }
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as session:
        tables = session.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s", [ref.schema_name]
        ).fetchall()
        session.execute(
            sql.SQL("TRUNCATE {} CASCADE").format(
                sql.SQL(", ").join(
                    sql.Identifier(ref.schema_name, table)
                    for (table,) in tables
                    if table not in keep
                )
            )
        )
        session.execute(
            sql.SQL("DELETE FROM {} WHERE version > 1").format(
                sql.Identifier(ref.schema_name, "policies_policy")
            )
        )
        session.execute("SET session_replication_role = replica")
        session.execute(
            sql.SQL("TRUNCATE {}").format(
                sql.SQL(", ").join(
                    sql.Identifier(ref.audit_schema, table)
                    for table in ("entry", "leaf", "node", "head")
                )
            )
        )
        session.execute("TRUNCATE public.due")
