"""Look-ups of one moment taken together: what many tills ask for travels in one exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inventory_control.availability.selectors.figures import Figures, ItemFigures, LookUp
from inventory_control.core import clock
from inventory_control.core.errors import DomainError
from inventory_control.core.gathering import Gathering
from inventory_control.core.permissions import require
from inventory_control.core.tenancy import current_tenant, on_shared_session
from inventory_control.people.errors import KeyRefusedError
from inventory_control.people.selectors import KeyHolder, holders_of_keys
from inventory_control.stock import permissions
from inventory_control.web.tiers import Tier

AT_MOST = 200
"""Look-ups of one exchange; far more than a process has threads."""


@dataclass(frozen=True, slots=True)
class _Presented:
    """One look-up and the key shown for it."""

    secret: str
    asked: LookUp


def look_up_presented(secret: str, asked: LookUp) -> ItemFigures | None:
    """The figures of an item for whoever presents a key, read in company; None: no such item.

    Key and figures are read in one exchange, so a revoked key or right acts at once. Raises
    `KeyRefusedError`, `WrongTierError` and `NotPermitted`.
    """
    return _gathering.do(current_tenant().id, _Presented(secret, asked))


def _look_up(company: Sequence[_Presented]) -> list[ItemFigures | Exception | None]:
    with on_shared_session():
        asked = list(dict.fromkeys(one.asked for one in company))
        figures = Figures(asked)
        holders = holders_of_keys({one.secret for one in company}, at=clock.real_now())
        found = dict(zip(asked, figures.found(), strict=True))
    return [_answer(one, holders.get(one.secret), found) for one in company]


def _answer(
    one: _Presented, holder: KeyHolder | None, found: Mapping[LookUp, ItemFigures | None]
) -> ItemFigures | Exception | None:
    if holder is None:
        return KeyRefusedError()
    try:
        holder.require_tier(Tier.EXPERIENCE)
        require(holder.actor, permissions.READ)
    except DomainError as refusal:
        return refusal
    return found[one.asked]


_gathering: Gathering[_Presented, ItemFigures | None] = Gathering(_look_up, at_most=AT_MOST)
