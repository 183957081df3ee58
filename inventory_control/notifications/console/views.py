"""What customers were told and were not, by request, and calling off what waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from inventory_control.audit.console.timeline import as_shown
from inventory_control.core import clock
from inventory_control.core.errors import DomainError
from inventory_control.events.states import Medium, Purpose
from inventory_control.notifications import permissions
from inventory_control.notifications.errors import UnknownRequestError
from inventory_control.notifications.models import NotificationRequest
from inventory_control.notifications.selectors import (
    consents,
    history_of,
    notification_terms,
    request_of,
    requests,
    sending_of,
)
from inventory_control.notifications.services import call_off
from inventory_control.notifications.states import Basis, RequestStatus, Why
from inventory_control.notifications.values import Consent
from inventory_control.people.selectors import names_of
from inventory_control.web.console import ConsoleView, vary_on_htmx
from inventory_control.web.filters import select_of
from inventory_control.web.times import span

PAGE = 50
MOST_ENTRIES = 50
ANY = ("", "Any")
_NAMES = ("q", "status", "topic")
CHIPS: Mapping[str, tuple[str, str]] = {
    RequestStatus.QUEUED: ("med", "clock"),
    RequestStatus.SENT: ("", "out"),
    RequestStatus.DELIVERED: ("ok", "check"),
    RequestStatus.FAILED: ("high", "warn"),
    RequestStatus.WITHHELD: ("", "lock"),
    RequestStatus.CALLED_OFF: ("", "x"),
}
"""The tone and the icon of each state; the word stands beside them."""
SAID = {
    "notification.queued": ("Queued", "clock", ""),
    "notification.withheld": ("Withheld", "lock", ""),
    "notification.sent": ("Taken by the system that sends it", "out", ""),
    "notification.delivered": ("Delivered", "check", "ok"),
    "notification.failed": ("Failed", "warn", "bad"),
    "notification.called_off": ("Called off", "x", ""),
}


class NotificationListView(ConsoleView):
    """Requests that customers are told something."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page, newest first; the address says what is shown."""
        asked = _asked(request)
        found = requests(
            text=asked["q"],
            status=asked["status"],
            topic=asked["topic"],
            before=_mark(request.GET.get("after", "")),
            limit=PAGE + 1,
        )
        shown, now = found[:PAGE], clock.now()
        context = {
            "rows": [row_words(one, now) for one in shown],
            "filters": _filters(asked),
            "pager": _pager(
                asked, shown, has_more=len(found) > PAGE, is_first="after" not in request.GET
            ),
            "empty": _empty(asked),
        }
        htmx: Any = getattr(request, "htmx", None)
        is_part = bool(htmx and not htmx.boosted)
        page = "_request_rows" if is_part else "requests"
        answer = render(request, f"notifications/{page}.html", {**context, "oob": is_part})
        return vary_on_htmx(answer)


class NotificationDetailView(ConsoleView):
    """One request."""

    permission = permissions.READ

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        """How far it is, what it rests on, and what happened to it."""
        found = _found(number)
        is_waiting = found.status_value == RequestStatus.QUEUED
        can_call_off = is_waiting and self.actor.may(permissions.REQUEST)
        names = names_of({found.requested_by})
        context = {
            **row_words(found, clock.now()),
            "requested_by": names.get(found.requested_by, found.requested_by),
            "sending": sending_of(found),
            "purposes": Purpose.labels,
            "agreed": _agreed(found),
            "policy_name": notification_terms().name,
            "history": _history(found),
            "can_call_off": can_call_off,
            "dialogs": [_dialog(found, {})] if can_call_off else [],
        }
        return render(request, "notifications/request.html", context)


class NotificationCallOffView(ConsoleView):
    """Calling off what waits."""

    permission = permissions.REQUEST

    def post(self, request: HttpRequest, number: str) -> HttpResponse:
        """Call it off and show the page anew; a refusal answers the form with what was typed."""
        found, said = _found(number), request.POST
        try:
            call_off(found, reason=said.get("reason", ""), by=self.actor)
        except DomainError as error:
            if error.status not in {409, 422}:
                raise
            confirm = {**_dialog(found, said), "error": error.detail}
            form = "console/_confirm_form.html"
            return render(request, form, {"confirm": confirm}, status=422)
        page = reverse("notifications:request-detail", args=[found.number])
        if getattr(request, "htmx", False):
            return HttpResponse(status=204, headers={"HX-Redirect": page})
        return redirect(page)


def row_words(one: NotificationRequest, now: datetime) -> dict[str, Any]:
    """A request as the list and its own page show it."""
    tone, icon = CHIPS[one.status_value]
    return {
        "one": one,
        "url": reverse("notifications:request-detail", args=[one.number]),
        "topic": topic_words(one.topic),
        "tone": tone,
        "icon": icon,
        "age": span(now - one.requested_at),
        "reason": _reason(one.why, one.detail),
    }


def topic_words(topic: str) -> str:
    """A topic as a person reads it."""
    return topic.replace("_", " ").replace("-", " ").capitalize()


def _found(number: str) -> NotificationRequest:
    try:
        return request_of(number)
    except UnknownRequestError:
        raise Http404 from None


def _reason(why: str, detail: str) -> str:
    """What stands in the way, in words."""
    return ": ".join(filter(None, [Why(why).label if why else "", detail]))


def _asked(request: HttpRequest) -> dict[str, str]:
    """What the address asks for; whatever it cannot mean is left out."""
    said = {name: request.GET.get(name, "").strip().replace("\0", "")[:200] for name in _NAMES}
    return {**said, "status": said["status"] if said["status"] in RequestStatus.values else ""}


def _mark(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else None


def _address(asked: Mapping[str, str], **changes: str) -> str:
    query = {name: value for name, value in {**asked, **changes}.items() if value}
    page = reverse("notifications:request-list")
    return f"{page}?{urlencode(query)}" if query else page


def _filters(asked: Mapping[str, str]) -> dict[str, Any]:
    tokens = []
    if asked["status"]:
        label = RequestStatus(asked["status"]).label
        tokens.append(("State", label, _address(asked, status="")))
    if asked["topic"]:
        tokens.append(("Topic", topic_words(asked["topic"]), _address(asked, topic="")))
    topics = [(topic, topic_words(topic)) for topic in notification_terms().topics]
    return {
        "action": reverse("notifications:request-list"),
        "target": "#request-rows",
        "label": "Find by number, order or customer",
        "q": asked["q"],
        "tokens": [
            {"label": label, "text": text, "remove_url": url} for label, text, url in tokens
        ],
        "selects": [
            select_of("status", "State", [ANY, *RequestStatus.choices], asked["status"]),
            select_of("topic", "Topic", [ANY, *topics], asked["topic"]),
        ],
        "sorted_by": "Newest first",
    }


def _pager(
    asked: Mapping[str, str], shown: list[NotificationRequest], *, has_more: bool, is_first: bool
) -> dict[str, Any]:
    return {
        "text": f"{len(shown)} on this page",
        "newer_url": None if is_first else _address(asked),
        "newer_label": "First page",
        "older_url": _address(asked, after=str(shown[-1].pk)) if has_more else None,
        "older_label": "Next page",
    }


def _empty(asked: Mapping[str, str]) -> dict[str, Any]:
    if any(asked.values()):
        return {
            "icon": "search",
            "title": "No message matches",
            "text": "A message is found by its whole number, order or customer.",
            "action": {"url": reverse("notifications:request-list"), "label": "Show all"},
        }
    return {
        "icon": "msg",
        "title": "No customer was told anything yet",
        "text": "Shops and order systems ask for messages through the API; each is checked against "
        "the customer's consent before it is queued and again as it leaves.",
        "action": {"url": reverse("api-docs"), "label": "Read how"},
    }


def _agreed(request: NotificationRequest) -> list[dict[str, Any]]:
    """What its customer agreed to, a row a medium with a cell for every purpose."""
    found = {(one.medium, one.purpose): one for one in consents(request.customer)}
    mine = (request.medium, request.purpose)
    return [
        {
            "medium": medium.label,
            "cells": [
                _consent(found[medium, purpose], purpose, is_this=(medium, purpose) == mine)
                for purpose in Purpose
            ],
        }
        for medium in Medium
    ]


def _consent(one: Consent, purpose: Purpose, *, is_this: bool) -> dict[str, Any]:
    if one.event_id is None:
        ground = "no word, needs a consent" if one.basis == Basis.OPT_IN else "no word, needs none"
    else:
        ground = "agreed" if one.is_allowed else "withdrew"
    return {
        "purpose": purpose.label,
        "tone": "ok" if one.is_allowed else "",
        "icon": "check" if one.is_allowed else "lock",
        "words": "Yes" if one.is_allowed else "No",
        "ground": ground,
        "event_id": one.event_id,
        "said_at": one.said_at,
        "is_this": is_this,
    }


def _history(request: NotificationRequest) -> dict[str, Any]:
    """What happened to it, as the timeline fragment takes it."""
    entries = history_of([request], limit=MOST_ENTRIES)
    names = names_of({entry.actor_id for entry in entries})
    told = []
    for entry in entries:
        title, icon, tone = SAID.get(entry.verb, (entry.verb, "audit", ""))
        text = _told(entry.data, names.get(entry.actor_id, ""))
        told.append(as_shown(entry, title=title, text=text, icon=icon, tone=tone))
    return {"pk": request.pk, "entries": told}


def _told(data: Mapping[str, Any], who: str) -> str:
    parts = [who, _reason(str(data.get("why") or ""), str(data.get("detail") or ""))]
    if data.get("external_id"):
        parts.append(f"Known there as {data['external_id']}")
    return ". ".join(filter(None, parts))


def _dialog(one: NotificationRequest, said: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": "call-off",
        "title": f"Call off {one.number}",
        "verb": "Call off",
        "text": "It is not sent. If sending it began this very moment it may still arrive; it is "
        "then shown as sent.",
        "action_url": reverse("notifications:request-call-off", args=[one.number]),
        "fields": [
            {
                "name": "reason",
                "label": "Reason",
                "value": said.get("reason", ""),
                "required": True,
                "help": "Kept with the decision and shown to whoever asks why.",
            }
        ],
        "is_danger": True,
    }
