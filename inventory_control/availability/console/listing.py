"""The page of an item on a channel: how its figure is made now, and what the channel was told."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from inventory_control.availability.rules import (
    Term,
    available_to_sell,
    channel_breakdown,
    channel_quantity,
)
from inventory_control.availability.selectors import breakdown_of, exposure_holds, receipts_of
from inventory_control.availability.values import NOT_LISTED, Receipt
from inventory_control.catalog.models import Channel, Item
from inventory_control.stock import permissions
from inventory_control.web.console import ConsoleView, vary_on_htmx

RECEIPTS = 50
HOLDS = 20


class ListingView(ConsoleView):
    """One item on one channel."""

    permission = permissions.READ

    def get(self, request: HttpRequest, sku: str, code: str) -> HttpResponse:
        """The terms, the receipts, the holds."""
        item = Item.objects.filter(sku=sku).first()
        channel = Channel.objects.prefetch_related("nodes").filter(code=code).first()
        if item is None or channel is None:
            raise Http404
        found = breakdown_of(item.pk, channel)
        context = {
            "item": item,
            "channel": channel,
            "quantity": channel_quantity(found.stock),
            "terms": signed(channel_breakdown(found.stock)),
            "nodes": [
                {"node": node, "ats": available_to_sell(stock), "is_frozen": stock.is_frozen}
                for node, stock in found.nodes.items()
            ],
            "rules": found.rules,
            "paused_because": found.paused_because,
            "receipts": [_receipt(one) for one in receipts_of(item.pk, channel.pk, limit=RECEIPTS)],
            "holds": exposure_holds(sku=sku, channel=code, limit=HOLDS),
        }
        return vary_on_htmx(render(request, "stock/listing.html", context))


def signed(terms: tuple[Term, ...]) -> list[dict[str, Any]]:
    """Terms as a table reads them: the sign apart from the units."""
    return [
        {
            "sign": "\N{MINUS SIGN}" if term.quantity < 0 else "",
            "name": term.name,
            "units": abs(term.quantity),
        }
        for term in terms
    ]


def _receipt(one: Receipt) -> dict[str, Any]:
    is_asked = one.shown is not None
    return {
        "one": one,
        "is_asked": is_asked,
        "is_listed": is_asked and one.shown != NOT_LISTED,
        "agrees": not is_asked or max(0, one.shown or 0) == one.quantity,
        "latency": one.latency_seconds,
    }
