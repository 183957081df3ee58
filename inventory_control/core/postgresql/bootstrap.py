"""Prepares a database for the product, before Django starts: roles, passwords, system functions."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

LOGINS = ("ic_app", "ic_ai", "ic_sealer", "ic_provisioner")
OLDEST_SERVER = 16_00_00
_SCRIPTS = tuple(Path(__file__).with_name(name) for name in ("bootstrap.sql", "retention.sql"))


class ServerTooOldError(Exception):
    """PostgreSQL 16 or later is needed: role memberships without inheritance began there."""


def bootstrap(superuser_url: str, passwords: Mapping[str, str]) -> None:
    """Create roles and functions in the database the URL names; safe to run again.

    `passwords` maps each of `LOGINS` to its SCRAM password; the server hashes them. Raises
    `ServerTooOldError`, or psycopg's error when the login is no superuser.
    """
    with psycopg.connect(superuser_url) as session:
        if session.info.server_version < OLDEST_SERVER:
            raise ServerTooOldError(
                f"{ServerTooOldError.__doc__} This server says {session.info.server_version}."
            )
        session.execute("SET LOCAL password_encryption = 'scram-sha-256'")
        session.execute("SELECT pg_advisory_xact_lock(7301)")
        for script in _SCRIPTS:
            session.execute(script.read_text(encoding="utf-8").encode())
        for login in LOGINS:
            session.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(login), sql.Literal(passwords[login])
                )
            )


def fresh_passwords() -> dict[str, str]:
    """One random password per login."""
    return {login: secrets.token_urlsafe(24) for login in LOGINS}
