"""The event log and the page of one event."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from exceptions import permissions as exceptions
from inventory_control.core.errors import DomainError, Refused
from inventory_control.core.tenancy import current_tenant
from inventory_control.events import permissions
from inventory_control.events.api.searching import event_filters
from inventory_control.events.models import InventoryEvent
from inventory_control.events.rules import EVENT_TYPES
from inventory_control.events.selectors import event_search
from inventory_control.people.selectors import names_of
from inventory_control.timelines.selectors import page_of_event, touched_by
from inventory_control.timelines.selectors.event import as_text
from inventory_control.timelines.services import reopen_touched
from inventory_control.timelines.values import EventPage, Touched
from inventory_control.web.console import ConsoleView

PAGE = 50
FIELDS = (
    ("item", "Item (SKU)"),
    ("node", "Node"),
    ("order", "Order"),
    ("document", "Document"),
    ("correlation_id", "Correlation id"),
    ("source", "Source"),
    ("received_from", "Delivered by"),
    ("since", "Happened from"),
    ("until", "Happened before"),
)


class EventListView(ConsoleView):
    """The event log."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page of what matches, the last learnt first; a filter that does not fit is named."""
        query = {
            name: text for name, value in request.GET.dict().items() if (text := value.strip())
        }
        before = query.pop("before", "")
        refusal: DomainError | None = None
        found: list[InventoryEvent] = []
        try:
            found = event_search(
                event_filters(query), before=int(before) if before.isdigit() else None, limit=PAGE
            )
        except Refused as error:
            refusal = error
        address = reverse("timelines:event-list")
        older = {**query, "before": str(found[-1].pk)} if len(found) == PAGE else None
        context = {
            "rows": found,
            "fields": [(name, label, query.get(name, "")) for name, label in FIELDS],
            "types": [(name, name == query.get("type")) for name in EVENT_TYPES],
            "refusal": refusal,
            "timeline_url": _timeline_url(query),
            "pager": {
                "text": f"{len(found)} on this page",
                "newer_url": f"{address}?{urlencode(query)}" if before else None,
                "newer_label": "First page",
                "older_url": f"{address}?{urlencode(older)}" if older else None,
            },
            "empty": {
                "icon": "search",
                "title": "No event matches",
                "text": "Take a filter away or look at another time.",
            },
        }
        return render(request, "timelines/events.html", context, status=422 if refusal else 200)


class EventDetailView(ConsoleView):
    """One event."""

    permission = permissions.READ

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The whole page."""
        page, touched = page_of_event(pk), touched_by(pk)
        context = {
            "page": page,
            "event": page.event,
            "tenant": current_tenant().label,
            "normalised": as_text(page.normalised),
            "facts": _facts(page),
            "links": _links(page),
            "touched": touched,
            "decisions": _decisions(touched),
            "may_reopen": self._may_reopen(touched),
        }
        return render(request, "timelines/event.html", context)

    def _may_reopen(self, touched: Touched) -> bool:
        is_any_closed = any(case.closed_at for case in touched.cases)
        return is_any_closed and self.actor.may(exceptions.HANDLE)


class ReopenTouchedView(ConsoleView):
    """Putting chosen exceptions back in the queue."""

    permission = exceptions.HANDLE

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """All of them or none, then the event again."""
        chosen = [int(one) for one in request.POST.getlist("case") if one.isdigit()]
        reopen_touched(pk, case_ids=chosen, reason=request.POST.get("reason", ""), by=self.actor)
        return redirect("timelines:event-detail", pk)


def _decisions(touched: Touched) -> list[tuple[Any, str]]:
    names = names_of({one.decided_by for one in touched.decisions})
    return [(one, names.get(one.decided_by) or one.role) for one in touched.decisions]


def _facts(page: EventPage) -> list[tuple[str, Any]]:
    """Every field of an event with its name, in the order a reader asks for them."""
    event = page.event
    return [
        ("Event id", event.pk),
        ("Type", f"{event.type} ({event.get_kind_display().lower()})"),
        ("Tenant", current_tenant().label),
        ("Source", event.source),
        ("Delivered by", event.received_from),
        ("External id", event.source_id),
        ("Idempotency key", event.business_key or f"{event.source}:{event.source_id}"),
        ("Schema version", event.schema_version),
        ("Correlation id", event.correlation_id),
        ("Causation id", event.details.get("causation_id") or "none given"),
        ("Flags", ", ".join(event.flags) or "none"),
    ]


def _links(page: EventPage) -> list[tuple[str, str]]:
    """Where an event leads: the timelines of what it names, and everything of its cause."""
    details = page.event.details
    links = []
    if order := details.get("order"):
        links.append((f"Order {order}", object_url("order", order)))
    if document := details.get("document"):
        kind = kind_of_document(page.event.type)
        links.append((document, object_url(kind, document)))
    query = urlencode({"correlation_id": page.event.correlation_id})
    links.append(("Same cause", f"{reverse('timelines:event-list')}?{query}"))
    return links


def kind_of_document(event_type: str) -> str:
    """What sort of object an event's document is."""
    for prefix, kind in (("transfer.", "transfer"), ("return.", "return"), ("stock.", "count")):
        if event_type.startswith(prefix):
            return kind
    return "purchase_order"


def object_url(kind: str, name: str) -> str:
    """The page of an object's timeline."""
    return reverse("timelines:object-detail", args=[kind, name])


def _timeline_url(query: dict[str, str]) -> str | None:
    return object_url("order", query["order"]) if query.get("order") else None
