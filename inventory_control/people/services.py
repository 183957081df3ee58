"""Commands on people: members, roles, keys."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

from django.db import transaction

from inventory_control.audit.services import record
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.core.telemetry import security_log
from inventory_control.people import permissions
from inventory_control.people.models import ApiKey, FailedSignIn, Role, User
from inventory_control.people.selectors import digest_of
from inventory_control.web.tiers import Tier


@transaction.atomic
def set_role(*, key: str, name: str, grants: Iterable[str], by: Actor) -> Role:
    """Create a role or replace what it grants."""
    require(by, permissions.MANAGE_PEOPLE)
    granted = sorted(set(grants))
    role, _ = Role.objects.update_or_create(
        key=key, defaults={"name": name, "permissions": granted}
    )
    record("role.set", subject=("role", key), by=by, data={"name": name, "grants": granted})
    return role


@transaction.atomic
def add_member(
    *, username: str, name: str, password: str | None, roles: Iterable[str], kind: str, by: Actor
) -> User:
    """Add a person or service account; without a password only keys sign it in."""
    require(by, permissions.MANAGE_PEOPLE)
    first, _, last = name.partition(" ")
    user = User(username=username, first_name=first, last_name=last, kind=kind)
    user.set_password(password) if password else user.set_unusable_password()
    user.save()
    held = sorted(set(roles))
    user.roles.set(Role.objects.filter(key__in=held))
    record(
        "member.added",
        subject=("member", str(user.public_id)),
        by=by,
        data={"kind": kind, "roles": held},
    )
    return user


@transaction.atomic
def issue_key(
    *,
    user: User,
    name: str,
    scopes: Iterable[str],
    tiers: Iterable[str],
    sources: Iterable[str] = (),
    by: Actor,
) -> str:
    """Issue an API key and return its secret, which is never shown again.

    `tiers` are the parts of the API it may call: a channel's key names `experience` alone. Raises
    `Refused` for none, or one there is not.
    """
    require(by, permissions.MANAGE_PEOPLE)
    callable_tiers = sorted(set(map(str, tiers)))
    if not callable_tiers or not set(callable_tiers) <= set(Tier):
        raise Refused(f"tiers are some of {', '.join(Tier)}.", field="tiers")
    secret = f"{secrets.token_hex(5)}.{secrets.token_urlsafe(32)}"
    prefix = secret.partition(".")[0]
    granted = sorted(set(scopes))
    ApiKey.objects.create(
        user=user,
        name=name,
        prefix=prefix,
        digest=digest_of(secret),
        scopes=granted,
        sources=sorted(set(sources)),
        tiers=callable_tiers,
        created_at=clock.real_now(),
    )
    record(
        "key.issued",
        subject=("key", prefix),
        by=by,
        data={"name": name, "scopes": granted, "tiers": callable_tiers},
    )
    return secret


@transaction.atomic
def revoke_key(*, prefix: str, by: Actor) -> None:
    """End a key; the next request with it is refused."""
    require(by, permissions.MANAGE_PEOPLE)
    key = ApiKey.objects.select_for_update().get(prefix=prefix)
    key.revoked_at = clock.real_now()
    key.save(update_fields=["revoked_at"])
    record("key.revoked", subject=("key", prefix), by=by, data={"name": key.name})


def note_failed_sign_in(*, username: str, address: str) -> None:
    """Keep a failed sign-in for the throttle, and tell the security log."""
    FailedSignIn.objects.create(
        username=username[:150], address=address[:45], failed_at=clock.real_now()
    )
    security_log("sign_in.failed", username=username[:150], address=address)


def set_appearance(*, user: User, chosen: Mapping[str, str]) -> User:
    """Keep how a member likes the console to look; raises `Refused` for a look there is not."""
    picked = {field: chosen[field] for field in LOOKS if field in chosen}
    for field, look in picked.items():
        if look not in LOOKS[field]:
            raise Refused(f"{field} is one of {', '.join(LOOKS[field])}.", field=field)
        setattr(user, field, look)
    if picked:
        user.save(update_fields=list(picked))
    return user


LOOKS: Mapping[str, tuple[str, ...]] = {
    "theme": ("system", "light", "dark"),
    "density": ("compact", "roomy"),
    "contrast": ("system", "more"),
}
"""What a member may choose of each."""
