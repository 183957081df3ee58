"""Why two numbers differ: candidates read from evidence, and the words a case closes with. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_control.reconciliation.states import Path
from inventory_control.reconciliation.values import Cause, Facts

LONGEST = 300


def causes_of(unexplained: int, facts: Facts) -> tuple[Cause, ...]:
    """Candidates, those that account for every unit first, then those with a trace at all.

    The sign matters: a system that shows more than we do may not have posted what left, or may
    count what we hold apart; one that shows less may not have posted what came.
    """
    units = abs(unexplained)
    found: list[Cause] = []
    if facts.refused_unmapped:
        found.append(
            Cause(
                "unmapped",
                f"{facts.refused_unmapped} messages that name the item were not understood",
                facts.refused_unmapped,
                facts.refused_unmapped == units,
            )
        )
    if facts.refused > facts.refused_unmapped + facts.conflicts:
        refused = facts.refused - facts.refused_unmapped - facts.conflicts
        found.append(
            Cause("refused", f"{refused} messages about the item were refused", refused, False)
        )
    if facts.conflicts:
        found.append(
            Cause(
                "conflict",
                f"{facts.conflicts} messages reused the id of another",
                facts.conflicts,
                False,
            )
        )
    if facts.late_events:
        found.append(
            Cause(
                "late_events",
                f"{facts.late_events} events of {facts.late_units} units came late",
                facts.late_units,
                facts.late_units == units,
            )
        )
    found += _held_apart(unexplained, facts)
    if facts.repeated:
        found.append(
            Cause(
                "duplicates",
                f"{facts.repeated} deliveries came twice and were dropped here; "
                "the other system may have counted them",
                facts.repeated,
                facts.repeated == units,
            )
        )
    return tuple(sorted(found, key=lambda cause: (not cause.is_exact, -min(cause.units, units))))


def closing_words(
    system: str, remedies: Sequence[tuple[str, str, int, int]], *, late_units: int
) -> str:
    """What ended a discrepancy: the remedies carried out (path, reason, units, target), or else
    what arrived meanwhile.
    """
    words = {
        Path.CORRECT_LEDGER.value: "ledger corrected by {units:+d}",
        Path.CORRECT_SOURCE.value: system + " corrected to {target}",
        Path.RECOUNT.value: "counted again",
        Path.ACCEPT.value: "difference of {units:+d} accepted",
    }
    if remedies:
        parts = [
            f"{words[path].format(units=units, target=target)} ({reason})"
            for path, reason, units, target in remedies
        ]
        return _sentence("; ".join(parts))
    if late_units:
        return _sentence(f"events of {late_units} units arrived late and closed the gap")
    return _sentence(f"{system} brought its number in line without a remedy from here")


def _held_apart(unexplained: int, facts: Facts) -> list[Cause]:
    """Stock we keep in another account than the other system does."""
    units = abs(unexplained)
    found = []
    if facts.uninspected:
        found.append(
            Cause(
                "returns",
                f"{facts.uninspected} returned units wait for inspection here",
                facts.uninspected,
                facts.uninspected == units,
            )
        )
    if facts.in_transit:
        found.append(
            Cause(
                "in_transit",
                f"{facts.in_transit} units are on their way; it may count them as there",
                facts.in_transit,
                facts.in_transit == units,
            )
        )
    if facts.claimed and unexplained < 0:
        found.append(
            Cause(
                "claims",
                f"{facts.claimed} units are promised; it may report what is left",
                facts.claimed,
                facts.claimed == units,
            )
        )
    if facts.counts_pending:
        found.append(
            Cause(
                "pending_count",
                f"{facts.counts_pending} counts wait for a person here",
                0,
                False,
            )
        )
    return found


def _sentence(words: str) -> str:
    text = f"{words[:1].upper()}{words[1:]}."
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
