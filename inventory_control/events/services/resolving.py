"""Resolving: what the names in a batch stand for, and the gate it must pass, in one query.

A name is first a sku or node code, then what its source calls something, then what everybody
calls it (EVT-15). A status is first what its source means by it, then a word of ours (EVT-16).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from inventory_control.catalog.states import STATES
from inventory_control.core import clock
from inventory_control.core.sql import Asked, hot_later, texts
from inventory_control.events.rules import POLICIES, REPORTED_MEASURES, gate_of
from inventory_control.events.states import Outcome
from inventory_control.events.values import CanonicalEventV1, Gate, Refusal

_RESOLVE = """
    SELECT 'item', sku, NULL, id, sku FROM catalog_item WHERE sku = ANY(%(items)s::text[])
    UNION ALL
    SELECT 'node', code, NULL, id, code FROM catalog_node WHERE code = ANY(%(nodes)s::text[])
    UNION ALL
    SELECT 'item', n.value, n.source, i.id, i.sku
      FROM catalog_itemidentifier n
     CROSS JOIN LATERAL (SELECT id, sku FROM catalog_item WHERE id = n.item_id LIMIT 1) AS i
     WHERE n.value = ANY(%(items)s::text[])
    UNION ALL
    SELECT 'node', n.value, n.source, p.id, p.code
      FROM catalog_nodeidentifier n
     CROSS JOIN LATERAL (SELECT id, code FROM catalog_node WHERE id = n.node_id LIMIT 1) AS p
     WHERE n.value = ANY(%(nodes)s::text[])
    UNION ALL
    SELECT 'state', code, source, NULL, state
      FROM catalog_statemapping WHERE code = ANY(%(states)s::text[])
    UNION ALL
    (SELECT DISTINCT ON (key) 'policy', key, NULL, NULL, value::text
       FROM policies_policy
      WHERE key = ANY(%(policies)s::text[]) AND effective_at <= %(now)s::timestamptz
      ORDER BY key, version DESC)
"""
_NAMED = (("item", "item"), ("node", "node"), ("to_node", "node"))
_CODED = ("from_state", "to_state")
_MEASURES = frozenset(REPORTED_MEASURES)
"""What a report of another system may count; some of it is no status, such as all that is there."""
_POLICY_KEYS = texts(sorted(POLICIES))


@dataclass(frozen=True, slots=True)
class Names:
    """What names mean: ours, those of sources, status codes of sources; and the gate in force."""

    ours: Mapping[tuple[str, str], int]
    theirs: Mapping[tuple[str, str], Mapping[str, tuple[int, str]]]
    states: Mapping[tuple[str, str], str]
    gate: Gate

    def resolved(
        self, event: CanonicalEventV1, source: str, row: bytes
    ) -> tuple[CanonicalEventV1, list[int | None]] | Refusal:
        """The event in our own words, with the ids of its item, node and other node.

        What names something unknown, or something that only others name and not with one meaning,
        comes back as unmapped and waits for that name.
        """
        if (known := self._in_our_words(event)) is not None:
            return event, known
        ids: list[int | None] = []
        said: dict[str, str] = {}
        for field, noun in _NAMED:
            name = getattr(event, field)
            found = self.ours.get((noun, name)) if name is not None else None
            if name is not None and found is None:
                theirs = self.theirs.get((noun, name), {})
                other = theirs.get(source) or theirs.get("")
                if other is None:
                    return _unknown(noun, name, field, theirs, source, row, event.source_id)
                found, said[field] = other
            ids.append(found)
        for field in _CODED:
            code = getattr(event, field)
            if code is None:
                continue
            words = _MEASURES if event.type == "position.reported" else STATES
            state = self.states.get((source, code))
            if state in words:
                said[field] = state
            elif code not in words:
                return _unmapped(code, field, source, row, event.source_id)
        return (msgspec.structs.replace(event, **said) if said else event), ids

    def _in_our_words(self, event: CanonicalEventV1) -> list[int | None] | None:
        """The ids of an event that needs no translation, as most do; None for every other."""
        if event.from_state is not None or event.to_state is not None:
            return None
        ours = self.ours
        item_id = node_id = to_node_id = None
        if event.item is not None and (item_id := ours.get(("item", event.item))) is None:
            return None
        if event.node is not None and (node_id := ours.get(("node", event.node))) is None:
            return None
        if event.to_node is not None and (to_node_id := ours.get(("node", event.to_node))) is None:
            return None
        return [item_id, node_id, to_node_id]


class AskedNames:
    """What a batch names: asked for, not yet waited for, read once."""

    __slots__ = ("_asked", "_names")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._names: Names | None = None

    def names(self) -> Names:
        """What the names mean; waits for it the first time."""
        if self._names is None:
            self._names = _names_in(self._asked)
        return self._names


def ask_names(events: Collection[CanonicalEventV1]) -> AskedNames:
    """Ask for everything a batch names, and for the gate."""
    nodes = {event.node for event in events if event.node is not None}
    nodes |= {event.to_node for event in events if event.to_node is not None}
    states = {event.from_state for event in events} | {event.to_state for event in events}
    return _asked(
        items={event.item for event in events if event.item is not None},
        nodes=nodes,
        states={state for state in states if state is not None},
    )


def ask_places(places: Collection[tuple[str, str]]) -> AskedNames:
    """Ask for items and the nodes they lie at, and for the gate, before events name them."""
    return _asked(items={item for item, _ in places}, nodes={node for _, node in places}, states=())


def _asked(
    *, items: Collection[str], nodes: Collection[str], states: Collection[str]
) -> AskedNames:
    asked = hot_later(
        _RESOLVE,
        {
            "items": texts(items),
            "nodes": texts(nodes),
            "states": texts(states),
            "policies": _POLICY_KEYS,
            "now": clock.now(),
        },
    )
    return AskedNames(asked)


def _names_in(asked: Asked) -> Names:
    ours: dict[tuple[str, str], int] = {}
    theirs: dict[tuple[str, str], dict[str, tuple[int, str]]] = {}
    states: dict[tuple[str, str], str] = {}
    policies: dict[str, str] = {}
    for noun, name, source, pk, means in asked.rows():
        if noun == "policy":
            policies[name] = means
        elif noun == "state":
            states[source, name] = means
        elif source is None:
            ours[noun, name] = pk
        else:
            theirs.setdefault((noun, name), {})[source] = (pk, means)
    return Names(ours, theirs, states, _gate(tuple(policies.items())))


@lru_cache(maxsize=100)
def _gate(policies: tuple[tuple[str, str], ...]) -> Gate:
    """The gate of policies as text: read once for as long as they stay the same."""
    return gate_of({key: msgspec.json.decode(value) for key, value in policies})


def _unknown(
    noun: str,
    name: str,
    field: str,
    known: Mapping[str, tuple[int, str]],
    source: str,
    row: bytes,
    source_id: str,
) -> Refusal:
    meanings = sorted({code for _, code in known.values()})
    is_ambiguous = len(meanings) > 1
    reason = (
        f"{name} is the name of {' and of '.join(meanings[:5])} elsewhere; say what {source} means."
        if is_ambiguous
        else f"No {noun} is called {name} by {source}. Map it or create it; the event then posts."
    )
    return Refusal(
        outcome=Outcome.UNMAPPED,
        code=f"{'ambiguous' if is_ambiguous else 'unknown'}_{noun}",
        field=field,
        reason=reason,
        body=row,
        source=source,
        source_id=source_id,
        waits_for=(noun, name),
    )


def _unmapped(code: str, field: str, source: str, row: bytes, source_id: str) -> Refusal:
    return Refusal(
        outcome=Outcome.UNMAPPED,
        code="unmapped_state",
        field=field,
        reason=f"What {source} means by the status {code} is not known. Map it to one of: "
        f"{', '.join(sorted(STATES))}; the event then posts.",
        body=row,
        source=source,
        source_id=source_id,
        waits_for=("state", code),
    )
