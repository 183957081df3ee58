"""What the audit log hands out: canonical entries, signed heads, timelines and proofs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from inventory_control.audit.verify import canonical_json


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The root of the log at one size, signed; the form in which it leaves the database."""

    size: int
    root: str
    signed_at: str
    key_id: str
    signature: str

    def as_fields(self) -> dict[str, object]:
        """The object the verifier reads."""
        return {
            "size": self.size,
            "root": self.root,
            "signed_at": self.signed_at,
            "key_id": self.key_id,
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry as pages show it; `number` is its leaf, None while it waits for the sealer."""

    entry_id: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    verb: str
    subject_kind: str
    subject_id: str
    data: Mapping[str, Any]
    correlation_id: str
    number: int | None

    @property
    def is_sealed(self) -> bool:
        """Whether the entry stands under a signed head."""
        return self.number is not None


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That one entry is in the log under one signed head: everything a verifier needs."""

    number: int
    leaf: str
    entry: str
    path: tuple[str, ...]
    head: SignedHead


def time_text(moment: datetime) -> str:
    """A moment as the log writes it: UTC with six decimals."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def leaf_data(
    *,
    tenant: str,
    entry_id: int,
    recorded_at: datetime,
    at: datetime,
    actor: tuple[str, str, str],
    verb: str,
    subject: tuple[str, str],
    correlation_id: str,
    data: Mapping[str, Any],
) -> bytes:
    """The canonical bytes of an entry, which its leaf hashes; the form `verify.py` documents.

    `actor` is (kind, id, name), `subject` is (kind, id).
    """
    return canonical_json(
        {
            "actor": {"kind": actor[0], "id": actor[1], "name": actor[2]},
            "at": time_text(at),
            "correlation_id": correlation_id,
            "data": data,
            "id": entry_id,
            "recorded_at": time_text(recorded_at),
            "subject": {"kind": subject[0], "id": subject[1]},
            "tenant": tenant,
            "verb": verb,
        }
    )
