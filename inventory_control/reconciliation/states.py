"""The life of a discrepancy, of what is done about it, and of a control total."""

from __future__ import annotations

from django.db import models

from inventory_control.core.flow import Flow


class DiscrepancyStatus(models.TextChoices):
    """Open until the numbers agree or the difference is accepted."""

    OPEN = "open", "Open"
    ANSWERED = "answered", "A remedy is under way"
    MATCHED = "matched", "The numbers agree"
    ACCEPTED = "accepted", "The difference is accepted"


DISCREPANCY_FLOW = Flow(
    {
        DiscrepancyStatus.OPEN: frozenset(
            {DiscrepancyStatus.ANSWERED, DiscrepancyStatus.MATCHED, DiscrepancyStatus.ACCEPTED}
        ),
        DiscrepancyStatus.ANSWERED: frozenset(
            {
                DiscrepancyStatus.OPEN,
                DiscrepancyStatus.ANSWERED,
                DiscrepancyStatus.MATCHED,
                DiscrepancyStatus.ACCEPTED,
            }
        ),
        DiscrepancyStatus.MATCHED: frozenset(),
        DiscrepancyStatus.ACCEPTED: frozenset(),
    }
)
LIVE = (DiscrepancyStatus.OPEN.value, DiscrepancyStatus.ANSWERED.value)


class Path(models.TextChoices):
    """The ways out of a discrepancy."""

    ACCEPT = "accept", "Accept the difference"
    CORRECT_LEDGER = "correct_ledger", "Correct the ledger"
    CORRECT_SOURCE = "correct_source", "Correct the other system"
    RECOUNT = "recount", "Count again"


class RemedyStatus(models.TextChoices):
    """A remedy above the limit waits for a second person."""

    PROPOSED = "proposed", "Waits for a second person"
    CARRIED_OUT = "carried_out", "Carried out"
    REFUSED = "refused", "Refused"


REMEDY_FLOW = Flow(
    {
        RemedyStatus.PROPOSED: frozenset({RemedyStatus.CARRIED_OUT, RemedyStatus.REFUSED}),
        RemedyStatus.CARRIED_OUT: frozenset(),
        RemedyStatus.REFUSED: frozenset(),
    }
)


class TotalStatus(models.TextChoices):
    """Whether what was sent and what arrived tie."""

    OPEN = "open", "Does not tie"
    TIED = "tied", "Ties"


TOTAL_FLOW = Flow(
    {
        TotalStatus.OPEN: frozenset({TotalStatus.TIED}),
        TotalStatus.TIED: frozenset({TotalStatus.OPEN}),
    }
)


class Direction(models.TextChoices):
    """Which way the messages of a control total went."""

    IN = "in", "Received from the source"
    OUT = "out", "Sent to it"


class Trigger(models.TextChoices):
    """Why a comparison ran."""

    SCHEDULE = "schedule", "By schedule"
    REQUEST = "request", "Asked for"
