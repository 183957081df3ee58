"""A request and its answer at the doors where microseconds count, without what pages need of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO
from typing import Any, Protocol
from urllib.parse import parse_qsl

import msgspec
from django.conf import settings
from django.http import HttpResponse

JSON = "application/json"
_encode = msgspec.json.encode


class Incoming(Protocol):
    """What a hot door reads of a request, whichever way it came."""

    META: dict[str, Any]

    @property
    def method(self) -> str | None:
        """The method, in capitals."""

    @property
    def body(self) -> bytes:
        """The body as it came, read once."""


class Call:
    """A request in the short lane: nothing of it is read before a door asks for it."""

    __slots__ = ("META", "_body")

    def __init__(self, environ: dict[str, Any]) -> None:
        self.META = environ
        self._body: bytes | None = None

    @property
    def method(self) -> str:
        """The method, in capitals."""
        method: str = self.META["REQUEST_METHOD"]
        return method

    @property
    def body(self) -> bytes:
        """The body as it came, read once; a length that is no number is none, as for Django."""
        if self._body is None:
            length = self.META.get("CONTENT_LENGTH") or "0"
            self._body = self.META["wsgi.input"].read(int(length)) if length.isdigit() else b""
        return self._body

    def query(self) -> dict[str, str] | None:
        """The last value of each parameter; None when Django should read the address instead."""
        asked = self.META.get("QUERY_STRING", "")
        if not asked.isascii():
            return None
        try:
            return dict(
                parse_qsl(
                    asked,
                    keep_blank_values=True,
                    max_num_fields=settings.DATA_UPLOAD_MAX_NUMBER_FIELDS,
                )
            )
        except ValueError:
            return None

    def give_back(self) -> None:
        """Let somebody else read the body from its start."""
        if self._body is not None:
            self.META["wsgi.input"] = BytesIO(self._body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a hot door answers; the short lane sends it as it is."""

    status: int
    content: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def line(self) -> str:
        """The status as HTTP writes it."""
        return _line(self.status)

    def response(self) -> HttpResponse:
        """The same for the general way."""
        return HttpResponse(
            self.content,
            status=self.status,
            content_type=self.content_type,
            headers=dict(self.headers),
        )


def json_answer(body: object, status: int = 200) -> Answer:
    """An answer of JSON."""
    return Answer(status, _encode(body))


@lru_cache(maxsize=100)
def _line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"
