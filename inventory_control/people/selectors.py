"""Who is behind a key or a session, with the permissions held at this moment."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from inventory_control.core import clock
from inventory_control.core.actors import Actor, ActorKind
from inventory_control.core.sql import hot, hot_later, texts
from inventory_control.core.telemetry import security_log
from inventory_control.people.errors import WrongTierError
from inventory_control.people.models import FailedSignIn, Role, User
from inventory_control.web.tiers import Tier

APPROVE = "workflows.approve"
FAILURES_ALLOWED = 10
THROTTLED_FOR = timedelta(minutes=15)

_ACTOR_COLUMNS = """
    u.public_id, u.person, u.kind, u.username, u.first_name, u.last_name, u.is_active,
    COALESCE(
        (SELECT array_agg(DISTINCT p) FROM people_user_roles ur
           JOIN people_role r ON r.id = ur.role_id, unnest(r.permissions) AS p
          WHERE ur.user_id = u.id),
        '{}'
    ) AS permissions,
    d.until, d.ended_at, d.may_approve
"""
_BY_KEYS = f"""
    SELECT {_ACTOR_COLUMNS}, k.prefix, k.name, k.digest, k.scopes, k.sources, k.tiers,
           k.expires_at, k.revoked_at
      FROM people_apikey k
      JOIN people_user u ON u.id = k.user_id
      LEFT JOIN people_delegate d ON d.user_id = u.id
     WHERE k.prefix = ANY(%s::text[])
"""  # noqa: S608 - constant columns
_BY_USER = f"""
    SELECT {_ACTOR_COLUMNS}
      FROM people_user u LEFT JOIN people_delegate d ON d.user_id = u.id
     WHERE u.id = %s
"""  # noqa: S608 - constant columns

PREFIX_LENGTH = 12
"""Characters a key's public part has at most."""
_PREFIX_PLACE = 11
"""Behind the columns of the actor stands the key's prefix."""
_KINDS = {
    User.Kind.PERSON: ActorKind.USER,
    User.Kind.SERVICE: ActorKind.USER,
    User.Kind.DELEGATE: ActorKind.USER,
    User.Kind.CONNECTOR: ActorKind.CONNECTOR,
}


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """An accepted API key: who acts, the event sources it may speak for, the tiers it may call."""

    actor: Actor
    key_name: str
    sources: frozenset[str]
    tiers: frozenset[str]

    def may_speak_for(self, source: str) -> bool:
        """Whether events of that source may arrive with this key; `*` stands for all."""
        return source == self.key_name or source in self.sources or "*" in self.sources

    def require_tier(self, tier: Tier) -> None:
        """Refuse a key that is not for an endpoint's tier; the denial is logged."""
        if tier in self.tiers:
            return
        security_log("key.wrong_tier", actor=self.actor.as_record(), key=self.key_name, tier=tier)
        raise WrongTierError(
            f"This endpoint is of the tier {tier}; the key {self.key_name} is for "
            f"{', '.join(sorted(self.tiers)) or 'none'}.",
            extra={"tier": str(tier)},
        )


def holder_of_key(secret: str, *, at: datetime) -> KeyHolder | None:
    """The holder of a presented key, or None when it is unknown, revoked, expired or disabled.

    One query; `at` is real time, as for every token.
    """
    return holders_of_keys([secret], at=at).get(secret)


def holders_of_keys(secrets: Collection[str], *, at: datetime) -> dict[str, KeyHolder]:
    """The holders of the presented keys that are valid, by secret; the set form of `holder_of_key`.

    Each that is not goes to the security log.
    """
    prefixes = _prefixes(secrets)
    return _valid(prefixes, hot(_BY_KEYS, [_asked(prefixes)]), at)


class AskedHolders:
    """What `holders_of_keys` answers: asked for, not yet waited for; only inside `pipelined`."""

    __slots__ = ("_prefixes", "_rows")

    def __init__(self, secrets: Collection[str]) -> None:
        self._prefixes = _prefixes(secrets)
        self._rows = hot_later(_BY_KEYS, [_asked(self._prefixes)])

    def holders(self, *, at: datetime) -> dict[str, KeyHolder]:
        """The holders of the keys that are valid, by secret; waits for them."""
        return _valid(self._prefixes, self._rows.rows(), at)


def holder_of_digest(prefix: str, digest: bytes, *, at: datetime) -> KeyHolder | None:
    """The holder of a key that was shown earlier and kept as prefix and digest, if it is valid now."""
    rows = hot(_BY_KEYS, [texts([prefix])])
    holder = _holder(rows[0], digest, at) if rows else None
    if holder is None:
        security_log("key.refused", prefix=prefix)
    return holder


def prefix_of(secret: str) -> str:
    """The public part of a secret, by which its key is found."""
    return secret.partition(".")[0][:PREFIX_LENGTH]


def actor_of_user(user_id: int, *, at: datetime) -> Actor | None:
    """The actor behind a console session, or None when the account may not act any more."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_USER, [user_id])
        row = cursor.fetchone()
    return None if row is None else _actor(row, at=at, scopes=None)


def has_member(public_id: str) -> bool:
    """Whether somebody who may act has that public id: work can be given to them."""
    try:
        wanted = UUID(public_id)
    except ValueError:
        return False
    return User.objects.filter(public_id=wanted, is_active=True).exists()


def is_throttled(username: str) -> bool:
    """Whether a name failed so often lately that it rests."""
    since = clock.real_now() - THROTTLED_FOR
    failed = FailedSignIn.objects.filter(username=username[:150], failed_at__gte=since)
    return failed[:FAILURES_ALLOWED].count() >= FAILURES_ALLOWED


def roles_of(actor: Actor) -> frozenset[str]:
    """The keys of the roles behind an actor; nobody but a member has any."""
    if actor.kind is not ActorKind.USER:
        return frozenset()
    return frozenset(Role.objects.filter(members__public_id=actor.id).values_list("key", flat=True))


def members_by_role(keys: Collection[str]) -> dict[str, str]:
    """Who answers for some roles: of each the longest-standing active person, by public id.

    Roles that nobody holds are missing.
    """
    held = (
        User.objects.filter(is_active=True, kind=User.Kind.PERSON, roles__key__in=keys)
        .order_by("-pk")
        .values_list("roles__key", "public_id")
    )
    return {key: str(public_id) for key, public_id in held if key in keys}


def names_of(public_ids: Collection[str]) -> dict[str, str]:
    """The names of members by public id, for pages; ids of nobody are missing."""
    wanted = [one for one in public_ids if len(one) == 36]
    return {str(user.public_id): str(user) for user in User.objects.filter(public_id__in=wanted)}


def digest_of(secret: str) -> bytes:
    """What is stored of a key: its secrets are random, so one SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).digest()


def _prefixes(secrets: Collection[str]) -> dict[str, str]:
    return {secret: prefix_of(secret) for secret in secrets}


def _asked(prefixes: Mapping[str, str]) -> str:
    return texts(sorted(set(prefixes.values())))


def _valid(
    prefixes: Mapping[str, str], rows: Sequence[tuple[Any, ...]], at: datetime
) -> dict[str, KeyHolder]:
    found = {row[_PREFIX_PLACE]: row for row in rows}
    holders: dict[str, KeyHolder] = {}
    for secret, prefix in prefixes.items():
        holder = _holder(found[prefix], digest_of(secret), at) if prefix in found else None
        if holder is None:
            security_log("key.refused", prefix=prefix)
        else:
            holders[secret] = holder
    return holders


def _holder(row: tuple[Any, ...], shown: bytes, at: datetime) -> KeyHolder | None:
    """The holder a row and the digest of a secret belong to, if the key may be used now."""
    *person, _prefix, name, digest, scopes, sources, tiers, expires_at, revoked_at = row
    if not hmac.compare_digest(bytes(digest), shown) or revoked_at is not None:
        return None
    if expires_at is not None and expires_at <= at:
        return None
    actor = _actor(tuple(person), at=at, scopes=frozenset(scopes))
    return None if actor is None else KeyHolder(actor, name, frozenset(sources), frozenset(tiers))


def _actor(row: tuple[object, ...], *, at: datetime, scopes: frozenset[str] | None) -> Actor | None:
    public_id, person, kind, username, first, last, active, held, until, ended_at, approve = row
    if not active:
        return None
    permissions = frozenset(held)  # type: ignore[call-overload]
    if kind == User.Kind.DELEGATE:
        if until is None or ended_at is not None or until <= at:  # type: ignore[operator]
            return None
        if not approve:
            permissions -= {APPROVE}
    return Actor(
        kind=_KINDS[User.Kind(str(kind))],
        id=str(public_id),
        name=f"{first} {last}".strip() or str(username),
        permissions=permissions,
        scopes=scopes,
        person=UUID(str(person)),
    )
