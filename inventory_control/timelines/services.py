"""Re-opening what an error touched."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from exceptions import permissions
from exceptions.models import ExceptionCase
from exceptions.services import reopen
from inventory_control.audit.services import record
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.timelines.errors import NotTouchedError
from inventory_control.timelines.selectors import touched_by


@transaction.atomic
def reopen_touched(
    event_id: int, *, case_ids: Sequence[int], reason: str, by: Actor
) -> list[ExceptionCase]:
    """Put chosen cases back in the queue because they rested on a number that was wrong.

    All of them or none. Advice given before is no longer valid, so decisions are asked for anew.
    Raises `NotTouchedError` for a case this event did not touch, `IllegalMove` for one that is
    open, `LiveTwinError` for one whose risk has another live case.
    """
    require(by, permissions.HANDLE)
    if not case_ids:
        raise Refused("Choose at least one exception.", field="cases")
    if not reason.strip():
        raise Refused("Say why in reason.", field="reason")
    touched = {case.pk: case for case in touched_by(event_id).cases}
    wanted = sorted(set(case_ids))
    if strange := [pk for pk in wanted if pk not in touched]:
        raise NotTouchedError(
            f"Event {event_id} did not touch exception {strange[0]}.", field="cases"
        )
    reopened = [
        reopen(touched[pk], reason=f"Event {event_id}: {reason.strip()}", by=by) for pk in wanted
    ]
    record(
        "event.consequences_reopened",
        subject=("event", str(event_id)),
        by=by,
        data={"cases": wanted, "reason": reason.strip()},
    )
    return reopened
