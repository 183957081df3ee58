"""Keyset paging on the wire: `?limit=&after=`, and the address of the page behind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from inventory_control.core.errors import Refused

USUAL, MOST = 50, 500
PAGE_PARAMETERS = [
    OpenApiParameter("limit", int, description=f"Rows a page, 1 to {MOST}."),
    OpenApiParameter("after", int, description="Where the page before ended; see `next`."),
]


def whole_number(request: Request, field: str) -> int | None:
    """A whole number of the query, or None; raises `Refused` naming the field."""
    text = request.query_params.get(field)
    if text is None or text == "":
        return None
    if not text.isdigit() or len(text) > 18:
        raise Refused(f"{field} is a whole number, not {text[:40]}.", field=field)
    return int(text)


def page_limit(request: Request) -> int:
    """How many rows the caller asks for, within bounds."""
    limit = whole_number(request, "limit")
    if limit is None:
        return USUAL
    if not 1 <= limit <= MOST:
        raise Refused(f"limit is between 1 and {MOST}.", field="limit")
    return limit


def page_of(
    request: Request, results: Iterable[Any], *, limit: int, last: int | None
) -> dict[str, Any]:
    """A page as every list answers it; `last` is the key of its last row."""
    rows = list(results)
    is_full = len(rows) == limit and last is not None
    following = {**request.query_params.dict(), "after": str(last)}
    return {
        "results": rows,
        "next": f"{request.path}?{urlencode(following)}" if is_full else None,
    }
