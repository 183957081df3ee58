"""The class every REST view extends: problems, body limits and idempotency in one place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from rest_framework.views import APIView

from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.web.calls import Answer, Call, Incoming
from inventory_control.web.idempotency import answered_once
from inventory_control.web.problems import NotFoundError
from inventory_control.web.tiers import Tier

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class BodyTooLargeError(Refused):
    """The body is larger than this endpoint takes; send it in parts."""

    code = "body_too_large"
    status = 413


class ApiView(APIView):
    """One REST resource. `permissions` names the permission each method needs, `tier` who it is for.

    A view that forgot to name its tier is in the one that channels never reach.
    Writes honour the Idempotency-Key header; the handler runs in `answered_once`, which opens
    the transaction.
    """

    permissions: dict[str, str] = {}
    tier: Tier = Tier.SYSTEM
    keeps_answers: bool = True
    """Whether a repeated write is known by its Idempotency-Key; a signed message has its own."""
    effect: Callable[[], AbstractContextManager[object]] = transaction.atomic
    """What a write with an Idempotency-Key runs in: its effect and its kept answer are one."""

    @property
    def actor(self) -> Actor:
        """Who calls."""
        caller: Any = self.request.user
        actor: Actor = caller.actor
        return actor

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """DRF's dispatch, with the body limit before anything is read and idempotency around
        the handler.
        """
        self.args, self.kwargs = args, kwargs
        drf_request = self.initialize_request(request, *args, **kwargs)
        self.request, self.headers = drf_request, self.default_response_headers
        response: Any
        try:
            self.refuse_large(request)
            _refuse_nul(request)
            self.initial(drf_request, *args, **kwargs)
            name = (drf_request.method or "").lower()
            handler = getattr(self, name, self.http_method_not_allowed)
            key = request.headers.get("Idempotency-Key")
            if key is None or drf_request.method not in WRITES or not self.keeps_answers:
                response = handler(drf_request, *args, **kwargs)
            else:
                body = request.body
                return answered_once(
                    key=key,
                    actor_id=self.actor.id,
                    route=f"{drf_request.method} {request.get_full_path()}",
                    body=body,
                    effect=type(self).effect,
                    answer=lambda: self._rendered(handler(drf_request, *args, **kwargs)),
                )
        except Exception as error:  # noqa: BLE001 - DRF's own contract: every error is handled here
            response = self.handle_exception(error)
        return self.finalize_response(drf_request, response, *args, **kwargs)

    def at_once(self, call: Call, secret: str) -> Answer | None:
        """Answer the holder of a key in the short lane, or None to go the general way.

        For the few doors a till waits at (`inventory_control.lanes`). Whoever overrides it checks
        the key and its permission in the same exchange with the database that answers, and keeps
        nothing on the view: one view serves every thread.
        """
        del call, secret
        return None

    def _rendered(self, response: Any) -> HttpResponseBase:
        finalized: HttpResponseBase = self.finalize_response(
            self.request, response, *self.args, **self.kwargs
        )
        if hasattr(finalized, "render"):
            finalized.render()
        return finalized

    @staticmethod
    def refuse_large(request: Incoming) -> None:
        """Refuse a body that says it is too large, before it is read."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and int(length) > settings.EVENT_BODY_LIMIT:
            raise BodyTooLargeError(
                f"The body has {int(length):,} bytes; at most {settings.EVENT_BODY_LIMIT:,} are "
                "taken at once."
            )


def _refuse_nul(request: HttpRequest) -> None:
    """Refuse an address that names what no text of the database can be called."""
    if "\0" in request.path:
        raise NotFoundError
    if "%00" not in request.META.get("QUERY_STRING", ""):
        return
    for field, values in request.GET.lists():
        if "\0" in field + "".join(values):
            raise Refused(f"{field} holds a zero byte.", field=field.replace("\0", ""))
