"""A low stock that asks for 500 socks worth 2,000, and the people who may agree to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.people.models import User
from inventory_control.people.selectors import actor_of_user
from inventory_control.people.services import add_member
from inventory_control.pipeline import run_stage
from tests.factories import SYSTEM, at_node, event, item, node, send, supplier

STAGES = ("orders", "availability", "detect", "advise", "workflows")


def look() -> None:
    """Let every stage that leads to a decision do what is due, once around."""
    for stage in STAGES:
        run_stage(stage)


@pytest.fixture
def person() -> Callable[..., Actor]:
    """A member with some roles, as the actor of a session; `as_person` shares a natural person."""

    def make(name: str, *roles: str, same_as: Actor | None = None) -> Actor:
        user: User = add_member(
            username=name.lower(), name=name, password=None, roles=roles, kind="person", by=SYSTEM
        )
        if same_as is not None:
            User.objects.filter(pk=user.pk).update(person=same_as.person)
        actor = actor_of_user(user.pk, at=clock.real_now())
        assert actor is not None
        return actor

    return make


@pytest.fixture
def short_of_socks() -> Callable[[], None]:
    """Four socks at a DC that wants 504 of them at 4 each: planner first, finance next."""

    def make() -> None:
        sock, dc = item(supplier=supplier()), node("DC", kind="dc")
        at_node(sock, dc, reorder_point=6, order_up_to=504)
        send(event("stock.opened", 4, node="DC"))
        look()

    return make
