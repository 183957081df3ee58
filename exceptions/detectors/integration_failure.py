"""Integration failure: instructions to another system could not be delivered, for good."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from exceptions.rules import brief, response_time
from exceptions.states import Severity
from exceptions.values import Finding, Scene


class IntegrationFailure:
    """Every attempt failed, or the other side refused: it does not know what we decided.

    One case per target, however many instructions died. It ends when they were delivered after
    all, or are not needed any more.
    """

    key = "integration_failure"
    meaning = "Another system could not be told."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per target with dead instructions."""
        for failed in scene.failed_targets:
            count = f"{failed.dead} instruction{'' if failed.dead == 1 else 's'}"
            yield Finding(
                kind=self.key,
                key=brief(failed.target, 180),
                severity=Severity.HIGH,
                summary=f"{brief(failed.target, 80)} could not be told: {count} gave up",
                units=failed.dead,
                at_stake=Decimal(0),
                respond_within=response_time(Severity.HIGH),
                document=brief(failed.target, 60),
                evidence={
                    "target": failed.target,
                    "connector": failed.connector,
                    "kinds": list(failed.kinds),
                    "attempts": failed.attempts,
                    "since": failed.since.isoformat(),
                    "error": failed.error[:300],
                    "commands": list(failed.commands),
                },
            )
