"""Unknown names: events wait because nobody has said what a source means by a name."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from exceptions.rules import UNMAPPED, name_key, response_time, severity_of
from exceptions.values import Finding, Scene
from inventory_control.events.values import WaitingName

_NOUNS = {"item": "item", "node": "node", "state": "inventory status"}
_MANY = 100
"""Events waiting for one name from which on it is urgent."""


class UnmappedIdentifier:
    """A source names an item, a node or a status that nothing here is called.

    Its events are held and move nothing, so the figures of whatever they are about are wrong until
    somebody maps the name; then they post by themselves. What is at stake is not known: nobody
    knows which item it is.
    """

    key = UNMAPPED
    meaning = "Events name something that nobody has mapped."
    watches_documents = True

    def find(self, scene: Scene) -> Iterable[Finding]:
        """One finding per name of a source."""
        for name in scene.waiting_names:
            yield self._finding(name)

    def _finding(self, waits: WaitingName) -> Finding:
        severity = severity_of(min(1.0, 0.5 + waits.waiting / _MANY), Decimal(0))
        noun = _NOUNS[waits.noun]
        return Finding(
            kind=self.key,
            key=name_key(waits),
            severity=severity,
            summary=f"{waits.source}: no {noun} is called {waits.name}"[:250]
            + f", {waits.waiting} waiting",
            units=waits.waiting,
            at_stake=Decimal(0),
            respond_within=response_time(severity),
            evidence={
                "noun": waits.noun,
                "source": waits.source,
                "name": waits.name,
                "waiting": waits.waiting,
                "since": waits.since.isoformat(),
                "sample": waits.sample,
                "letter": waits.letter_id,
            },
        )
