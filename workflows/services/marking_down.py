"""Marking down: a lower price for an aged item is proposed, agreed to by others, told to pricing."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from inventory_control.catalog.models import Item
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import Refused
from inventory_control.core.permissions import require
from inventory_control.policies.selectors import current_policy
from inventory_control.stock.selectors import age_of
from workflows import permissions
from workflows.errors import AlreadyRunningError
from workflows.models import Request, WorkflowRun
from workflows.rules import spend_of, why_aged
from workflows.services.configuring import MARKDOWN
from workflows.services.starting import start
from workflows.states import RUN_LIVE
from workflows.values import Freedom, WantedMarkdown

PLACES = Decimal("0.0001")
"""Prices are kept to a hundredth of a cent."""


@transaction.atomic
def request_markdown(wanted: WantedMarkdown, *, by: Actor) -> WorkflowRun:
    """Propose a lower price for an item that the policy `markdown` calls aged; nothing changes
    before somebody else agrees, and then the pricing system sets the price.

    It is worth what it gives up: the units that can be sold by the difference of the prices.
    Raises `Refused` naming the field, `AlreadyRunningError` while another price is proposed.
    """
    require(by, permissions.REQUEST)
    if not wanted.reason.strip():
        raise Refused("Say why it should cost less.", field="reason")
    # Locked, so that two who ask at once are asked about once.
    item = Item.objects.select_for_update(of=("self",)).filter(sku=wanted.item).first()
    if item is None:
        raise Refused(f"No item is called {wanted.item}.", field="item")
    price = _checked_price(wanted.price, item)
    if WorkflowRun.objects.filter(
        request__item=item, action="markdown", status__in=RUN_LIVE
    ).exists():
        raise AlreadyRunningError(f"A price of {item.sku} is proposed already.")
    policy = current_policy(MARKDOWN)
    age = age_of(item.pk, at=clock.now())
    why = why_aged(age, policy.value)
    if not why:
        raise Refused(
            f"{item.sku} is not aged: {policy.name} asks for stock that lasts more than"
            f" {policy.value['cover_days']} days or is older than {policy.value['age_days']}.",
            field="item",
        )
    request = Request(
        item=item,
        price=price,
        currency=wanted.currency,
        reason=wanted.reason.strip()[:300],
        note=wanted.note,
        asked_at=clock.now(),
    )
    request.save()
    run = WorkflowRun(
        request=request,
        action="markdown",
        quantity=age.units,
        spend=spend_of(age.units, item.unit_price - price),
        policy=policy.name,
    )
    return start(run, Freedom(False, why), by=by)


def _checked_price(price: Decimal, item: Item) -> Decimal:
    if item.unit_price <= 0:
        raise Refused(f"The price of {item.sku} is not known, so it cannot fall.", field="item")
    if not 0 < price < item.unit_price:
        raise Refused(
            f"price is above 0 and below the present {item.unit_price.normalize():f}.",
            field="price",
        )
    if price != price.quantize(PLACES):
        raise Refused("price has at most four decimal places.", field="price")
    return price.quantize(PLACES)
