"""Who acts: one value that every service takes as `by`, whatever door the call came through."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    """What sort of somebody acts. Advisors may propose and never approve."""

    USER = "user"
    CONNECTOR = "connector"
    SYSTEM = "system"
    ADVISOR = "advisor"


@dataclass(frozen=True, slots=True)
class Actor:
    """The acting party of one command.

    `id` is stable within the tenant (a user's public id, a connector key, a stage name);
    `permissions` are the codenames held at the moment the actor was made, so a revoked right
    acts at the next request; `scopes` narrow an API key further than the permissions of its
    owner. `person` is the natural person behind the actor, if any: segregation of duties
    compares persons, so two keys of one person are one person.
    """

    kind: ActorKind
    id: str
    name: str
    permissions: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] | None = None
    person: UUID | None = None

    def may(self, permission: str) -> bool:
        """Say whether the actor holds a permission, within the scopes of the key used."""
        if self.scopes is not None and permission not in self.scopes:
            return False
        return permission in self.permissions

    @classmethod
    def system(cls, stage: str) -> Actor:
        """The product itself, running one of its stages; holds every permission but approval.

        Approval is never implied: `require` asks for it by name and a system actor lacks it.
        """
        return cls(kind=ActorKind.SYSTEM, id=stage, name=stage)

    @classmethod
    def advisor(cls, key: str) -> Actor:
        """An advisor: it may store advice and nothing else."""
        return cls(kind=ActorKind.ADVISOR, id=key, name=key)

    def as_record(self) -> dict[str, str]:
        """The three fields the audit trail keeps of an actor."""
        return {"kind": self.kind.value, "id": self.id, "name": self.name}
