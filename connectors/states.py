"""The lives of a replay and of a legal hold."""

from __future__ import annotations

from django.db import models

from inventory_control.core.flow import Flow


class ReplayStatus(models.TextChoices):
    """Nothing runs before somebody confirmed what the preview counted."""

    PREVIEWED = "previewed", "Previewed, not started"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped"


REPLAY_FLOW = Flow(
    {
        ReplayStatus.PREVIEWED: frozenset({ReplayStatus.RUNNING, ReplayStatus.STOPPED}),
        ReplayStatus.RUNNING: frozenset({ReplayStatus.DONE, ReplayStatus.STOPPED}),
        ReplayStatus.DONE: frozenset(),
        ReplayStatus.STOPPED: frozenset(),
    }
)


class LegalHoldStatus(models.TextChoices):
    """A hold stands until somebody lifts it for a reason."""

    STANDING = "standing", "Standing"
    LIFTED = "lifted", "Lifted"


LEGAL_HOLD_FLOW = Flow(
    {
        LegalHoldStatus.STANDING: frozenset({LegalHoldStatus.LIFTED}),
        LegalHoldStatus.LIFTED: frozenset(),
    }
)
