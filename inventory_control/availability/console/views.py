"""The pages of an item: a list to find it, and everything the product knows of its stock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from inventory_control.availability.rules import available_to_sell, breakdown
from inventory_control.availability.selectors import channel_figures, node_stock
from inventory_control.catalog.models import Item, Node
from inventory_control.core import clock
from inventory_control.events.selectors import customer_signals, staleness
from inventory_control.events.values import Freshness
from inventory_control.orders.selectors import inbound_supply
from inventory_control.stock import permissions
from inventory_control.stock.selectors import claims_at, ledger_of, positions_of
from inventory_control.stock.values import Position
from inventory_control.web.console import ConsoleView, vary_on_htmx

PAGE = 50
SIGNALS_OF = timedelta(days=28)
"""How far back the page counts what customers signalled."""
STATES = (
    ("received", "Received"),
    ("quarantined", "Quarantined"),
    ("sellable", "Sellable"),
    ("refurbishable", "Refurbishable"),
    ("damaged", "Damaged"),
    ("vendor_return", "To vendor"),
    ("in_transit", "In transit"),
    ("reserved", "Reserved"),
)


class ItemListView(ConsoleView):
    """Find an item by code or name."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page of items with their totals, by code."""
        text, after = request.GET.get("q", "").strip(), request.GET.get("after", "")
        items = Item.objects.select_related("supplier").order_by("sku")
        if text:
            items = items.filter(Q(sku__icontains=text) | Q(name__icontains=text))
        if after:
            items = items.filter(sku__gt=after)
        found = list(items[: PAGE + 1])
        shown = found[:PAGE]
        positions = positions_of([item.pk for item in shown])
        context = {
            "rows": [_row(item, positions) for item in shown],
            "filters": {
                "action": reverse("stock:item-list"),
                "target": "#item-rows",
                "label": "Find an item by SKU or name",
                "q": text,
                "tokens": [],
                "selects": [],
                "kept": [],
            },
            "pager": {
                "text": f"{len(shown)} on this page",
                "newer_url": reverse("stock:item-list") if after else None,
                "newer_label": "First page",
                "older_url": _next(text, shown) if len(found) > PAGE else None,
                "older_label": "Next page",
            },
            "empty": {"icon": "search", "title": "No item matches", "text": "Try another word."},
        }
        htmx: Any = getattr(request, "htmx", None)
        template = "stock/_item_rows.html" if htmx and not htmx.boosted else "stock/items.html"
        return vary_on_htmx(render(request, template, {**context, "oob": bool(htmx)}))


class ItemDetailView(ConsoleView):
    """One item: states per node, how ATS is made, channels, supply, claims, ledger."""

    permission = permissions.READ

    def get(self, request: HttpRequest, sku: str) -> HttpResponse:
        """The page, or older ledger lines for htmx."""
        item = Item.objects.select_related("supplier").filter(sku=sku).first()
        if item is None:
            raise Http404
        before = request.GET.get("before", "")
        lines = ledger_of(item.pk, before=int(before) if before.isdigit() else None, limit=PAGE)
        ledger = {
            "item": item,
            "lines": lines,
            "older": lines[-1].id if len(lines) == PAGE else None,
        }
        if getattr(request, "htmx", False) and before:
            return vary_on_htmx(render(request, "stock/_ledger.html", ledger))
        return vary_on_htmx(render(request, "stock/item.html", {**_detail(item), **ledger}))


def _detail(item: Item) -> dict[str, Any]:
    positions = positions_of([item.pk])
    nodes = Node.objects.in_bulk({node for _, node in positions})
    supply = inbound_supply(positions)
    claims = claims_at(positions)
    now = clock.now()
    freshness = staleness(nodes, at=now)
    figures = [
        {
            **_figure(nodes[node_id].code, position),
            "stale_minutes": _stale_minutes(freshness.get(node_id), now),
        }
        for (_, node_id), position in positions.items()
    ]
    return {
        "states": [label for _, label in STATES],
        "figures": sorted(figures, key=lambda one: str(one["node"])),
        "channels": channel_figures(item.pk),
        "supply": [
            {"node": nodes[node_id].code, "one": one}
            for (_, node_id), found in supply.items()
            for one in found
        ],
        "claims": [
            {"node": nodes[node_id].code, "key": key, "channel": channel, "units": units}
            for (_, node_id), found in claims.items()
            for key, channel, units in found
        ],
        "signals": customer_signals(item.pk, since=now - SIGNALS_OF).items(),
        "queue_url": f"/exceptions/?{urlencode({'sku': item.sku, 'status': 'any'})}",
    }


def _stale_minutes(freshness: Freshness | None, at: datetime) -> int | None:
    """How old the word on a node is, where that is older than its limit."""
    return freshness.age_minutes(at) if freshness and freshness.is_stale(at) else None


def _figure(code: str, position: Position) -> dict[str, Any]:
    stock = node_stock(position)
    ats = available_to_sell(stock)
    return {
        "node": code,
        "cells": [getattr(position, name) for name, _ in STATES],
        "ats": ats,
        "is_short": ats < 0,
        "is_frozen": stock.is_frozen,
        "terms": [
            {
                "sign": "\N{MINUS SIGN}" if term.quantity < 0 else "",
                "name": term.name,
                "units": abs(term.quantity),
            }
            for term in breakdown(stock)
        ],
        "changed_at": position.changed_at,
    }


def _row(item: Item, positions: dict[tuple[int, int], Position]) -> dict[str, Any]:
    mine = [position for (item_id, _), position in positions.items() if item_id == item.pk]
    return {
        "item": item,
        "url": reverse("stock:item-detail", args=[item.sku]),
        "on_hand": sum(position.on_hand for position in mine),
        "ats": sum(available_to_sell(node_stock(position)) for position in mine),
        "nodes": len(mine),
    }


def _next(text: str, shown: list[Item]) -> str:
    query = {"after": shown[-1].sku} | ({"q": text} if text else {})
    return f"{reverse('stock:item-list')}?{urlencode(query)}"
