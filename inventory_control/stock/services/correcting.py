"""Corrections: what undoes an earlier event and puts another quantity in its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from django.db import connection

from inventory_control.core.sql import named_statements
from inventory_control.events.rules import is_settled_on, standing
from inventory_control.events.states import Kind
from inventory_control.events.values import EventDraft, Gate, Stated
from inventory_control.stock.rules import CLAIMS, replaced_legs
from inventory_control.stock.values import ClaimChange, FoldKey, Leg

_SQL = named_statements(Path(__file__).parents[1] / "correcting.sql")


@dataclass(frozen=True, slots=True)
class Correction:
    """What one correction makes of the fact it is about.

    `fact_id` is the fact, `about_id` the event named, which may be another correction of it.
    `item_id` and `node_id` are the fact's: a correction need not name them again. `legs`,
    `claim` and `change` (in units) lead from what stood before to `stands`, the units that stand now;
    `stands_at` is the fact's place in the fold. `restates` says what an assertion now counts,
    None within it that it is withdrawn. `is_known` marks one that was posted before: it does
    nothing. `is_locked` one that would change a locked period.
    """

    fact_id: int
    about_id: int
    fact_type: str
    item_id: int | None
    node_id: int | None
    stands_at: FoldKey
    legs: tuple[Leg, ...] = ()
    claim: ClaimChange | None = None
    change: int = 0
    stands: int = 0
    restates: tuple[int | None] | None = None
    is_known: bool = False
    is_locked: bool = False


@dataclass(slots=True)
class _Fact:
    """A fact under correction: as it was told, and all that was said of it since."""

    pk: int
    type: str
    kind: str
    quantity: int | None
    item_id: int | None
    node_id: int | None
    details: dict[str, str]
    stands_at: FoldKey
    legs: list[Leg] = field(default_factory=list)
    said: list[Stated] = field(default_factory=list)

    def stands(self) -> tuple[int | None, Stated | None]:
        """The quantity that stands of it, None if it is withdrawn, and by which correction."""
        last = standing(self.said, fact_id=self.pk)
        return (self.quantity, None) if last is None else (last.quantity, last)


def corrections_of(drafts: Sequence[EventDraft], gate: Gate) -> list[Correction | None]:
    """For each correction what it does, or None when what it names has not arrived yet.

    Locks the facts, so that two corrections of one follow each other; within the batch each
    builds on those before it.
    """
    facts, named = _facts_named(drafts)
    if not facts:
        return [None] * len(drafts)
    known = _read_history(facts, drafts)
    answers: list[Correction | None] = []
    for n, draft in enumerate(drafts):
        about = named.get(n)
        if about is None:
            answers.append(None)
            continue
        about_id, fact_id = about
        mine = {f"source:{draft.source}:{draft.event.source_id}"}
        if draft.event.business_key is not None:
            mine.add(f"business:{draft.event.business_key}")
        answers.append(_applied(draft, about_id, facts[fact_id], gate, is_known=bool(mine & known)))
        known |= mine
    return answers


def keep_corrections(posted: Iterable[tuple[EventDraft, Correction, int]]) -> None:
    """Keep what was posted (draft, what it does, its event id), and which of each fact stands."""
    rows = [
        (event_id, done.fact_id, done.about_id, draft.event.quantity, done.change)
        for draft, done, event_id in posted
    ]
    if not rows:
        return
    fact_ids = sorted({row[1] for row in rows})
    with connection.cursor() as cursor:
        cursor.execute(_SQL["keep"], [list(column) for column in zip(*rows, strict=True)])
        stands = [
            last.event_id
            for fact_id, said in _said(fact_ids).items()
            if (last := standing(said, fact_id=fact_id)) is not None
        ]
        cursor.execute(_SQL["step_down"], {"facts": fact_ids, "standing": stands})
        cursor.execute(_SQL["stand_up"], {"standing": stands})


def _applied(
    draft: EventDraft, about_id: int, fact: _Fact, gate: Gate, *, is_known: bool
) -> Correction:
    """Say one more thing of a fact, and what that changes."""
    one = Correction(
        fact_id=fact.pk,
        about_id=about_id,
        fact_type=fact.type,
        item_id=fact.item_id,
        node_id=fact.node_id,
        stands_at=fact.stands_at,
        is_known=is_known,
        is_locked=not is_known and is_settled_on(fact.stands_at[0], gate),
    )
    if one.is_known or one.is_locked:
        return one
    before, _ = fact.stands()
    fact.said.append(
        Stated(
            event_id=None,
            about_id=about_id,
            occurred_at=draft.event.occurred_at,
            source=draft.source,
            source_id=draft.event.source_id,
            quantity=draft.event.quantity,
        )
    )
    after, _ = fact.stands()
    if before == after:
        return one
    return replace(
        one,
        legs=replaced_legs(fact.legs, fact.quantity or 0, before or 0, after or 0),
        claim=_claim(fact, (after or 0) - (before or 0)),
        change=(after or 0) - (before or 0),
        stands=after or 0,
        restates=(after,) if fact.kind == Kind.ASSERT else None,
    )


def _claim(fact: _Fact, units: int) -> ClaimChange | None:
    """What it adds to the claim of the fact's order line, or None when it names none."""
    order, line = fact.details.get("order"), fact.details.get("line")
    if not order or not line or fact.item_id is None or fact.node_id is None:
        return None
    if fact.type not in CLAIMS:
        return None
    return ClaimChange(
        key=f"{order}/{line}",
        item_id=fact.item_id,
        node_id=fact.node_id,
        channel=fact.details.get("channel", ""),
        **dict.fromkeys(CLAIMS[fact.type], units),
    )


def _facts_named(
    drafts: Sequence[EventDraft],
) -> tuple[dict[int, _Fact], dict[int, tuple[int, int]]]:
    """The facts some corrections are about, locked; and per place the event named and its fact."""
    about = [draft.event.corrects for draft in drafts]
    facts: dict[int, _Fact] = {}
    named: dict[int, tuple[int, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _SQL["facts"],
            [
                list(range(len(drafts))),
                [one.source if one else None for one in about],
                [one.source_id if one else None for one in about],
                [one.business_key if one else None for one in about],
            ],
        )
        for n, about_id, pk, kind, *told, details, at, source, source_id in cursor.fetchall():
            named[n] = (about_id, pk)
            fact_type, quantity, item_id, node_id = told
            facts[pk] = _Fact(
                pk=pk,
                type=fact_type,
                kind=kind,
                quantity=quantity,
                item_id=item_id,
                node_id=node_id,
                details=msgspec.json.decode(details),
                stands_at=(at, source, source_id),
            )
    return facts, named


def _read_history(facts: dict[int, _Fact], drafts: Sequence[EventDraft]) -> set[str]:
    """Read what the facts moved and what was said of them; returns the drafts' keys that are known.

    Asked after the facts are locked, so nothing of this changes before the transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SQL["legs"], [list(facts)])
        for event_id, item_id, node_id, state, quantity, lot in cursor.fetchall():
            facts[event_id].legs.append(Leg(item_id, node_id, state, quantity, lot))
        cursor.execute(
            _SQL["known"],
            [
                [draft.source for draft in drafts],
                [draft.event.source_id for draft in drafts],
                [key for draft in drafts if (key := draft.event.business_key)],
            ],
        )
        known = {key for (key,) in cursor.fetchall()}
    for fact_id, said in _said(list(facts)).items():
        facts[fact_id].said.extend(said)
    return known


def _said(fact_ids: Sequence[int]) -> dict[int, list[Stated]]:
    """All corrections posted of some facts."""
    said: dict[int, list[Stated]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_SQL["said"], [list(fact_ids)])
        for fact_id, *stated in cursor.fetchall():
            said.setdefault(fact_id, []).append(Stated(*stated))
    return said
