"""The only HTTP client: what leaves goes to an allowed address, without redirects, within bounds.

The address is checked when the connection is made, not before: a name that resolves to something
else in between cannot slip past.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx
import msgspec
from django.conf import settings
from httpx._config import DEFAULT_LIMITS, create_ssl_context

LARGEST_ANSWER = 4 * 1024 * 1024
TIMEOUT = httpx.Timeout(10.0, connect=3.0)


class ForbiddenAddressError(Exception):
    """This address is not one the product may call."""


class UnreachableError(Exception):
    """The other side did not answer; trying again may help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said: status, decoded body (None when it is no JSON)."""

    status: int
    body: Any


def post_json(url: str, body: object, *, headers: Mapping[str, str] | None = None) -> Answer:
    """POST a JSON body; raises `UnreachableError` or `ForbiddenAddressError`, never follows."""
    sent = {"Content-Type": "application/json", **(headers or {})}
    try:
        with _client().stream(
            "POST", url, content=msgspec.json.encode(body), headers=sent
        ) as response:
            return Answer(response.status_code, _decoded(_bounded(response)))
    except (httpx.HTTPError, OSError) as error:
        raise UnreachableError(f"{type(error).__name__}: {error}") from error


def check_address(host: str, address: str) -> None:
    """Refuse private, loopback, link-local and other special addresses unless the host is allowed.

    `OUTBOUND_ALLOWED_HOSTS` names the exceptions, such as the demo's simulators.
    """
    if host in settings.OUTBOUND_ALLOWED_HOSTS:
        return
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    if not (mapped or found).is_global:
        raise ForbiddenAddressError(f"{host} leads to {address}, which is not a public address.")


class _CheckedBackend(httpcore.SyncBackend):
    """Resolves a name once, checks what it found, and connects to exactly that."""

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        """Connect to the first address that passes the check."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        for *_, (address, *_rest) in found:
            check_address(host, str(address))
            return super().connect_tcp(str(address), port, *args, **kwargs)
        raise httpcore.ConnectError(f"{host} resolves to nothing")


_clients: list[httpx.Client] = []


def _client() -> httpx.Client:
    """One pooled client per process."""
    if not _clients:
        transport = httpx.HTTPTransport(retries=0)
        transport._pool = httpcore.ConnectionPool(
            ssl_context=create_ssl_context(),
            max_connections=DEFAULT_LIMITS.max_connections,
            max_keepalive_connections=DEFAULT_LIMITS.max_keepalive_connections,
            keepalive_expiry=DEFAULT_LIMITS.keepalive_expiry,
            network_backend=_CheckedBackend(),
        )
        _clients.append(httpx.Client(transport=transport, timeout=TIMEOUT, follow_redirects=False))
    return _clients[0]


def _bounded(response: httpx.Response) -> bytes:
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise UnreachableError(f"The answer is larger than {LARGEST_ANSWER:,} bytes.")
    return body


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return None
