"""Reads event bodies: one JSON object, a JSON array, or NDJSON, plain or gzipped."""

from __future__ import annotations

import re
import zlib

import msgspec
from django.conf import settings
from django.http import HttpRequest

from inventory_control.events.errors import (
    BodyTooLargeError,
    InvalidEventError,
    UnreadableBodyError,
)
from inventory_control.web.calls import Incoming

MOST_ROWS = 10_000
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_rows_of_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
NDJSON = frozenset({"application/x-ndjson", "application/ndjson"})


def read_body(request: Incoming) -> bytes:
    """The body, decompressed when it says so; refuses what grows beyond the limit."""
    return plain_body(request.body, request.META.get("HTTP_CONTENT_ENCODING", "identity"))


def plain_body(body: bytes, encoding: str) -> bytes:
    """A body decompressed as its encoding says; an empty one says nothing."""
    encoding = encoding.lower() or "identity"
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise UnreadableBodyError(
            f"Content-Encoding {encoding} is not taken; send gzip or none.",
            field="Content-Encoding",
        )
    return _gunzip(body)


def rows_of(request: HttpRequest) -> list[bytes]:
    """The raw rows of a bulk body, each still undecoded, so that one bad row harms no other."""
    return rows_in(read_body(request), request.content_type or "")


def rows_in(body: bytes, content_type: str) -> list[bytes]:
    """The raw rows of a plain bulk body."""
    if content_type in NDJSON:
        rows = [line for line in body.split(b"\n") if line.strip()]
    else:
        rows = _array(body)
    if len(rows) > MOST_ROWS:
        raise BodyTooLargeError(f"At most {MOST_ROWS:,} rows a call; this has {len(rows):,}.")
    if not rows:
        raise UnreadableBodyError("The body holds no rows.")
    return rows


def unreadable(error: msgspec.DecodeError) -> InvalidEventError:
    """The refusal of a body that does not fit, naming the field it stopped at."""
    message = str(error)
    found = _PATH.search(message)
    return InvalidEventError(
        message[: found.start()] if found else message, field=found["path"] if found else None
    )


def _array(body: bytes) -> list[bytes]:
    try:
        return [bytes(row) for row in _rows_of_array(body)]
    except msgspec.DecodeError as error:
        raise UnreadableBodyError(
            f"The body is no JSON array: {error}. Send NDJSON if single rows may be broken."
        ) from None


def _gunzip(body: bytes) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    try:
        plain = reader.decompress(body, settings.EVENT_BODY_LIMIT + 1)
    except zlib.error as error:
        raise UnreadableBodyError(
            f"The gzip body is broken: {error}.", field="Content-Encoding"
        ) from None
    if len(plain) > settings.EVENT_BODY_LIMIT:
        raise BodyTooLargeError
    if not reader.eof:
        raise UnreadableBodyError("The gzip body is cut off.", field="Content-Encoding")
    return plain
