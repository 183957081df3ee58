"""What the shell of every page shows: whose house, who is signed in, where one can go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from connectors import permissions as connectors
from exceptions import permissions as exceptions
from exceptions.selectors import open_count
from inventory_control.audit import permissions as audit
from inventory_control.core.actors import Actor
from inventory_control.events import permissions as events
from inventory_control.events.selectors import dead_letter_count
from inventory_control.fulfilment import permissions as fulfilment
from inventory_control.fulfilment.selectors import waiting_count as backorder_count
from inventory_control.notifications import permissions as notifications
from inventory_control.orders import permissions as orders
from inventory_control.reconciliation import permissions as reconciliation
from inventory_control.reconciliation.selectors import live_count
from inventory_control.stock import permissions as stock
from tenants.selectors import House
from workflows import permissions as workflows
from workflows.selectors import waiting_count


@dataclass(frozen=True, slots=True)
class Page:
    """A place in the navigation; `count` answers the number beside it, for this actor."""

    label: str
    url_name: str
    icon: str
    permission: str
    count: Callable[[Actor], int | str] | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its places."""

    label: str
    pages: tuple[Page, ...]


TENANT = (
    Section(
        "Decide",
        (
            Page(
                "Exceptions",
                "exceptions:case-list",
                "queue",
                exceptions.READ,
                lambda _actor: open_count(),
            ),
            Page(
                "Approvals",
                "workflows:approval-list",
                "approve",
                workflows.READ,
                lambda actor: waiting_count(actor),
            ),
        ),
    ),
    Section(
        "Stock",
        (
            Page("Items", "stock:item-list", "item", stock.READ),
            Page(
                "Backorders",
                "fulfilment:backorder-list",
                "order",
                fulfilment.READ,
                lambda _actor: backorder_count(),
            ),
            Page("Messages", "notifications:request-list", "msg", notifications.READ),
            Page("Purchase orders", "orders:purchase-order-list", "po", orders.READ),
            Page("Transfers", "orders:transfer-list", "transfer", orders.READ),
            Page("ERP documents", "orders:erp-document-list", "po", orders.READ),
        ),
    ),
    Section(
        "Prove",
        (
            Page("Events", "timelines:event-list", "zap", events.READ),
            Page("Replays", "connectors:replay-list", "sync", events.READ),
            Page("Subscribers", "connectors:subscriber-list", "out", connectors.READ),
            Page(
                "Reconciliation",
                "reconciliation:overview",
                "calc",
                reconciliation.READ,
                lambda _actor: live_count(),
            ),
            Page("Audit", "audit:entry-list", "audit", audit.READ),
            Page("Sources", "sources:source-list", "plug", events.READ),
            Page(
                "Dead letters",
                "events:dead-letter-list",
                "dead",
                events.READ,
                lambda _actor: dead_letter_count(),
            ),
        ),
    ),
)
PARTNER = (Section("Watch", (Page("Retailers", "tenants:tenant-list", "queue", ""),)),)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: brand, tenant, member, look and navigation of the page."""
    house: House | None = getattr(request, "house", None)
    if house is None:
        return {}
    user: Any = getattr(request, "user", None)
    is_member = bool(user is not None and user.is_authenticated)
    return {
        "house": house,
        "brand": {
            "name": house.brand_name,
            "logo_url": _url("tenants:brand-logo") if house.has_logo else None,
            "footer": house.brand_footer,
        },
        "tenant_name": house.name,
        "currency": house.currency,
        "member": {"name": str(user), "initials": user.initials} if is_member else None,
        "appearance": {
            "theme": getattr(user, "theme", "") or "system",
            "density": getattr(user, "density", "") or "compact",
            "contrast": getattr(user, "contrast", "") or "system",
        },
        "nav": _nav(request, house) if is_member else [],
        "home_url": "/",
    }


def _nav(request: HttpRequest, house: House) -> list[dict[str, Any]]:
    actor: Any = getattr(request, "actor", None)
    sections: Sequence[Section] = TENANT if house.tenant else PARTNER
    addresses = {page.url_name: _url(page.url_name) for one in sections for page in one.pages}
    current = max(
        (url for url in addresses.values() if url and request.path.startswith(url)),
        key=len,
        default="",
    )
    nav = []
    for section in sections:
        places = [
            (page, addresses[page.url_name]) for page in section.pages if addresses[page.url_name]
        ]
        entries = [
            {
                "label": page.label,
                "url": url,
                "icon": page.icon,
                "count": page.count(actor) if page.count and actor else None,
                "current": url == current,
            }
            for page, url in places
            if not page.permission or (actor and actor.may(page.permission))
        ]
        if entries:
            nav.append({"label": section.label, "entries": entries})
    return nav


def _url(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
