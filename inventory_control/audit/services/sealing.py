"""Sealing: entries get their leaf numbers in commit-safe order, under a signed head.

Runs as the sealer, whose login may insert leaves, nodes and heads and nothing else. Writers are
never locked: an entry is sealed once no transaction older than it can still be open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import connection, transaction

from inventory_control.audit.merkle import Frontier, Node, leaf_hash
from inventory_control.audit.values import SignedHead, leaf_data, time_text
from inventory_control.audit.verify import canonical_json
from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.core.tenancy import TenantRef, current_tenant

BATCH = 5_000
"""Entries sealed under one head at most."""

_LAST = """
    SELECT frontier, (SELECT tx FROM {schema}.leaf WHERE number = size - 1),
           (SELECT entry_id FROM {schema}.leaf WHERE number = size - 1)
      FROM {schema}.head ORDER BY size DESC LIMIT 1
"""
_UNSEALED = """
    SELECT id, tx, recorded_at, at, actor_kind, actor_id, actor_name, verb, subject_kind,
           subject_id, correlation_id, data::text
      FROM {schema}.entry
     WHERE tx < pg_snapshot_xmin(pg_current_snapshot())
       AND (%(tx)s::xid8 IS NULL OR (tx, id) > (%(tx)s::xid8, %(id)s))
     ORDER BY tx, id
     LIMIT %(limit)s
"""
_ADD_LEAVES = """
    INSERT INTO {schema}.leaf (number, entry_id, tx, hash)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::xid8[], %s::bytea[])
"""
_ADD_NODES = """
    INSERT INTO {schema}.node (level, position, hash)
    SELECT * FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[])
"""
_ADD_HEAD = """
    INSERT INTO {schema}.head (size, root, frontier, signed_at, key_id, signature)
    VALUES (%s, %s, %s, %s, %s, %s)
"""


class NoSigningKeyError(Refused):
    """AUDIT_SIGNING_KEY is not set to 32 bytes of hex; nothing was sealed."""


def seal() -> int:
    """Seal what is unsealed in the current tenant, batch by batch; returns the entries sealed.

    A second sealer of the same tenant steps aside. An empty log gets a signed head of size 0,
    so that an export always has one.
    """
    sealed = 0
    while True:
        batch = _seal_batch()
        sealed += batch
        if batch < BATCH:
            return sealed


def public_key(tenant: TenantRef) -> tuple[str, str]:
    """The id and the hex of the key that signs a tenant's heads."""
    return _key_id(_private_key(tenant)), _public_bytes(_private_key(tenant)).hex()


@transaction.atomic
def _seal_batch() -> int:
    tenant = current_tenant()
    schema = tenant.audit_schema
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [schema])
        if cursor.fetchone() == (False,):
            return 0
        cursor.execute(_LAST.format(schema=schema))
        last = cursor.fetchone()
        frontier = Frontier() if last is None else Frontier.from_bytes(bytes(last[0]))
        tx, entry_id = (None, 0) if last is None or last[1] is None else (str(last[1]), last[2])
        cursor.execute(_UNSEALED.format(schema=schema), {"tx": tx, "id": entry_id, "limit": BATCH})
        rows = cursor.fetchall()
        if not rows and last is not None:
            return 0
        _append(cursor, tenant, frontier, rows)
    return len(rows)


def _append(
    cursor: Any, tenant: TenantRef, frontier: Frontier, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Write the leaves and nodes of some entries and one head over everything so far."""
    leaves: list[bytes] = []
    nodes: list[Node] = []
    first = frontier.size
    for row in rows:
        leaf = leaf_hash(_leaf_data(tenant, row))
        leaves.append(leaf)
        nodes += frontier.append(leaf)
    schema = tenant.audit_schema
    if rows:
        cursor.execute(
            _ADD_LEAVES.format(schema=schema),
            [
                list(range(first, frontier.size)),
                [row[0] for row in rows],
                [str(row[1]) for row in rows],
                leaves,
            ],
        )
    if nodes:
        cursor.execute(
            _ADD_NODES.format(schema=schema), [list(column) for column in zip(*nodes, strict=True)]
        )
    signed_at = clock.real_now()
    head = _signed(tenant, frontier, time_text(signed_at))
    cursor.execute(
        _ADD_HEAD.format(schema=schema),
        [
            head.size,
            bytes.fromhex(head.root),
            frontier.to_bytes(),
            signed_at,
            head.key_id,
            bytes.fromhex(head.signature),
        ],
    )


def _leaf_data(tenant: TenantRef, row: tuple[Any, ...]) -> bytes:
    (
        entry_id, _tx, recorded_at, at, actor_kind, actor_id, actor_name, verb, subject_kind,
        subject_id, correlation_id, data,
    ) = row  # fmt: skip
    return leaf_data(
        tenant=str(tenant.id),
        entry_id=entry_id,
        recorded_at=recorded_at,
        at=at,
        actor=(actor_kind, actor_id, actor_name),
        verb=verb,
        subject=(subject_kind, subject_id),
        correlation_id=correlation_id,
        data=msgspec.json.decode(data),
    )


def _signed(tenant: TenantRef, frontier: Frontier, signed_at: str) -> SignedHead:
    key = _private_key(tenant)
    fields = {
        "key_id": _key_id(key),
        "root": frontier.root().hex(),
        "signed_at": signed_at,
        "size": frontier.size,
    }
    signature = key.sign(canonical_json({**fields, "tenant": str(tenant.id)}))
    return SignedHead(
        size=frontier.size,
        root=str(fields["root"]),
        signed_at=signed_at,
        key_id=str(fields["key_id"]),
        signature=signature.hex(),
    )


def _private_key(tenant: TenantRef) -> Ed25519PrivateKey:
    """The tenant's own key, derived: one secret to keep, no key shared between tenants."""
    try:
        secret = bytes.fromhex(settings.AUDIT_SIGNING_KEY)
    except ValueError:
        raise NoSigningKeyError from None
    if len(secret) != 32:
        raise NoSigningKeyError
    derived = HKDF(SHA256(), length=32, salt=None, info=b"audit head " + tenant.id.bytes)
    return Ed25519PrivateKey.from_private_bytes(derived.derive(secret))


def _public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _key_id(key: Ed25519PrivateKey) -> str:
    return hashlib.sha256(_public_bytes(key)).hexdigest()[:16]
