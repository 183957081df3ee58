"""The one question a service asks before it acts: may this actor do that?"""

from __future__ import annotations

from inventory_control.core.actors import Actor, ActorKind
from inventory_control.core.errors import NotPermitted
from inventory_control.core.telemetry import security_log

NEVER_IMPLIED = frozenset({"workflows.approve"})
"""Permissions no system actor holds by being the system: they belong to persons."""


def require(by: Actor, permission: str, row: object | None = None) -> None:
    """Refuse unless the actor may do this, to this row.

    A system actor may do whatever a stage must, except what is in `NEVER_IMPLIED`; an advisor
    only what it was given by name. Denials go to the security log with the row they were about.
    Raises `NotPermitted`.
    """
    if by.kind is ActorKind.SYSTEM and permission not in NEVER_IMPLIED:
        return
    if by.may(permission):
        return
    security_log("permission.denied", actor=by.as_record(), permission=permission, row=str(row))
    raise NotPermitted(
        f"{by.name} lacks the permission {permission}.", extra={"permission": permission}
    )
