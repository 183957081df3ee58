"""A caller of the REST API: one key, one tenant's host, JSON in and out."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import msgspec
from django.test.client import ClientHandler

from inventory_control.core.actors import Actor
from inventory_control.lanes import ShortLane
from inventory_control.people.models import User
from inventory_control.people.services import add_member, issue_key, set_role
from inventory_control.web.tiers import Tier

SYSTEM = Actor.system("tests")


_handler = ClientHandler(enforce_csrf_checks=False)


def _general(environ: Any, start_response: Any) -> list[bytes]:
    """What lies behind the short lane, without the ends of sessions that a server would bring."""
    response = _handler(environ)
    start_response(f"{response.status_code} {response.reason_phrase}", [*response.items()])
    return [b"".join(response)]


class Api:
    """Calls as the holder of a key with exactly these permissions; answers are (status, body)."""

    def __init__(
        self,
        *permissions: str,
        name: str = "till",
        host: str = "alder.localhost",
        kind: str = "service",
        sources: tuple[str, ...] = (),
        tiers: tuple[str, ...] = tuple(Tier),
    ) -> None:
        self.host = host
        set_role(key=name, name=name, grants=permissions, by=SYSTEM)
        self.user: User = add_member(
            username=name, name=name, password=None, roles=[name], kind=kind, by=SYSTEM
        )
        self.key = issue_key(
            user=self.user, name=name, scopes=permissions, sources=sources, tiers=tiers, by=SYSTEM
        )
        self._client = httpx.Client(transport=httpx.WSGITransport(app=ShortLane(_general)))

    def call(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> tuple[int, Any]:
        """One call below /api/v1/; header names in snake case."""
        data = raw if raw is not None else (b"" if body is None else msgspec.json.encode(body))
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content_type = sent.pop("content-type", "application/json")
        response = self._client.request(
            method,
            f"http://{self.host}/api/v1/{path}",
            content=data,
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": content_type, **sent},
        )
        self.last = response
        if not response.content:
            return response.status_code, None
        try:
            return response.status_code, response.json()
        except (ValueError, TypeError):  # no JSON, or nothing at all
            return response.status_code, response.content

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """GET."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: Any) -> tuple[int, Any]:
        """POST."""
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: Any) -> tuple[int, Any]:
        """PUT."""
        return self.call("PUT", path, body, **headers)


def ndjson(*rows: dict[str, Any] | bytes) -> bytes:
    """Rows as NDJSON; bytes go in as they are."""
    return b"\n".join(row if isinstance(row, bytes) else msgspec.json.encode(row) for row in rows)


def gzipped(body: bytes) -> bytes:
    """A compressed body."""
    return gzip.compress(body)
