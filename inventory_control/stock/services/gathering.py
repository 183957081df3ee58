"""Single events posted together: the callers of one moment share one transaction.

A till that sends each sale as it happens costs a transaction a sale; on a promotion weekend a
hundred tills would queue for the same few rows. Here the events that arrive while a batch is
being posted become the next batch, with everything a batch has: one statement, one audit entry,
one commit. No event waits for company, and each is answered after the commit that holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inventory_control.core import clock
from inventory_control.core.errors import NotPermitted
from inventory_control.core.gathering import Gathering
from inventory_control.core.telemetry import correlation_id
from inventory_control.core.tenancy import current_tenant, on_shared_session
from inventory_control.events.services import Reading, read_rows
from inventory_control.events.values import Posted, Refusal
from inventory_control.people.errors import KeyRefusedError
from inventory_control.people.selectors import KeyHolder, holders_of_keys
from inventory_control.stock.services.posting import in_one_transaction, rows_posted

AT_MOST = 200
"""Events of one turn; far more than a process has threads."""


@dataclass(frozen=True, slots=True)
class _Presented:
    """One event as it came in: the key shown, the body, and the request it belongs to."""

    secret: str
    row: bytes
    correlation_id: str


def post_presented(secret: str, row: bytes) -> Posted | Refusal:
    """Post one raw event for whoever presents a key, in company.

    The key is read in the transaction that posts, so a revoked key or right acts at once. Shares
    the answers and refusals of `post_rows`; raises `KeyRefusedError` and `NotPermitted`.
    """
    return _gathering.do(current_tenant().id, _Presented(secret, row, correlation_id()))


def _post(company: Sequence[_Presented]) -> list[Posted | Refusal | Exception]:
    with on_shared_session():
        return in_one_transaction(lambda: _posted(company))


def _posted(company: Sequence[_Presented]) -> list[Posted | Refusal | Exception]:
    reading = read_rows([one.row for one in company])
    holders = holders_of_keys([one.secret for one in company], at=clock.real_now())
    places: dict[str, list[int]] = {}
    for place, one in enumerate(company):
        places.setdefault(one.secret, []).append(place)
    answers: dict[int, Posted | Refusal | Exception] = {}
    for secret, mine in places.items():
        theirs = _posted_for(
            holders.get(secret),
            reading.part(mine),
            [company[place].correlation_id for place in mine],
        )
        answers.update(zip(mine, theirs, strict=True))
    return [answers[place] for place in range(len(company))]


def _posted_for(
    holder: KeyHolder | None, reading: Reading, correlations: Sequence[str]
) -> Sequence[Posted | Refusal | Exception]:
    """The events of one key; a key that may not post harms no other."""
    if holder is None:
        return [KeyRefusedError() for _ in correlations]
    try:
        return rows_posted(
            reading,
            received_from=holder.key_name,
            may_speak_for=holder.may_speak_for,
            by=holder.actor,
            correlations=correlations,
        )
    except NotPermitted as error:
        return [error for _ in correlations]


_gathering: Gathering[_Presented, Posted | Refusal] = Gathering(_post, at_most=AT_MOST)
