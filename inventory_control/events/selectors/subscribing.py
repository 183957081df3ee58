"""Who wants to be told of what, and what they are to be told next."""

from __future__ import annotations

from inventory_control.core.sql import Asked, hot_later, is_so
from inventory_control.events.models import Notice, Subscription
from inventory_control.events.states import POSITION_CHANGED

SUBSCRIBERS = "subscribers"
"""The consumer of every event of a type that anybody subscribed to."""
_IS_WANTED = """
    SELECT EXISTS (
               SELECT FROM events_subscription WHERE is_active AND types @> ARRAY[%(type)s::text]
           )
"""


def subscribed_types() -> Asked:
    """The types anybody wants to be told of; asked for with the posting, not waited for."""
    return hot_later("SELECT DISTINCT unnest(types) FROM events_subscription WHERE is_active", [])


def are_positions_wanted() -> bool:
    """Whether anybody wants to be told of changed positions."""
    return is_so(_IS_WANTED, {"type": POSITION_CHANGED})


def next_notices(code: str, limit: int) -> list[Notice]:
    """What a subscriber is to be told next, oldest first."""
    return list(
        Notice.objects.filter(subscription__code=code, subscription__is_active=True).order_by("pk")[
            :limit
        ]
    )


def subscriptions() -> list[Subscription]:
    """Every subscription, by code."""
    return list(Subscription.objects.order_by("code"))
