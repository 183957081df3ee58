"""How an API request becomes an actor: a bearer key, or the console's own session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import NotPermitted
from inventory_control.core.telemetry import security_log
from inventory_control.people.errors import KeyRefusedError
from inventory_control.people.selectors import KeyHolder, actor_of_user, holder_of_key
from inventory_control.web.keys import presented_key
from inventory_control.web.tiers import Tier

if TYPE_CHECKING:  # rest_framework.views loads this module while it is being imported
    from rest_framework.views import APIView


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`; `request.user` becomes the key's `KeyHolder`."""

    def authenticate(self, request: Request) -> tuple[KeyHolder, str] | None:
        """Accept a valid key; anything else that claims to be one is a 401."""
        secret = presented_key(request.META)
        if secret is None:
            return None
        holder = holder_of_key(secret, at=clock.real_now())
        if holder is None:
            raise KeyRefusedError
        return holder, "key"

    def authenticate_header(self, request: Request) -> str:
        """Makes the answer a 401 with a challenge."""
        return "Bearer"


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's description names the key."""

    target_class = KeyAuthentication
    name = "key"

    def get_security_definition(self, _auto_schema: object) -> dict[str, str]:
        """A bearer token that says nothing of itself."""
        return {"type": "http", "scheme": "bearer", "description": "An API key of the tenant."}


class ConsoleSession(SessionAuthentication):
    """The console's session cookie, with CSRF check."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Turn the signed-in member into a `KeyHolder` without scopes."""
        signed_in = super().authenticate(request)
        if signed_in is None:
            return None
        actor = actor_of_user(signed_in[0].pk, at=clock.real_now())
        if actor is None:
            raise AuthenticationFailed("This account may not act any more.")
        return KeyHolder(actor, "console", frozenset(), frozenset(Tier)), "session"


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's description names the console's session."""

    target_class = ConsoleSession
    name = "session"

    def get_security_definition(self, _auto_schema: object) -> dict[str, str]:
        """The cookie of a signed-in member; writes need the CSRF token too."""
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


def require_scope(actor: Actor, needed: str) -> None:
    """Refuse a caller who lacks the permission of a door; the denial is logged."""
    if not actor.may(needed):
        security_log("permission.denied", actor=actor.as_record(), permission=needed)
        raise NotPermitted(f"This needs the permission {needed}.", extra={"permission": needed})


class Scoped(BasePermission):
    """Every view names the permission each method needs in `permissions`; none named, none allowed."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Refuse unless the key is for the view's tier and the actor holds its permission for
        this method.
        """
        if not isinstance(request.user, KeyHolder):
            return False
        request.user.require_tier(getattr(view, "tier", Tier.SYSTEM))
        needed = getattr(view, "permissions", {}).get(request.method)
        if needed is None:
            return False
        require_scope(request.user.actor, needed)
        return True
