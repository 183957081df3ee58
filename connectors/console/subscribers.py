"""Who is told of events and positions, who answers for it, how that goes, and telling it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from connectors import permissions
from connectors.selectors import Subscriber, subscribers, tellings, waiting_notices
from connectors.services import name_owner, redeliver, unsubscribe
from inventory_control.audit.selectors import timeline_of
from inventory_control.core import clock
from inventory_control.core.errors import DomainError
from inventory_control.outbox.models import OutboundCommand
from inventory_control.people.selectors import names_of
from inventory_control.web.console import ConsoleView
from inventory_control.web.times import span

CHANGES = 10
TONES = {"due": "med", "sent": "ok", "dead": "high", "cancelled": ""}
SAID = {
    "subscription.added": "Subscribed",
    "subscription.changed": "Changed",
    "subscription.ended": "Ended",
    "subscription.owner_named": "Owner named",
    "subscription.redelivered": "Told again",
}


class SubscriberListView(ConsoleView):
    """Subscribers; they are added by the API, which shows their secret once."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """Every one, by code."""
        now = clock.now()
        context = {
            "rows": [_row(one, now) for one in subscribers()],
            "empty": {
                "icon": "out",
                "title": "Nobody subscribed",
                "text": "A system that wants to be told of events or positions is added through "
                "the API, which shows it its secret once.",
                "action": {"url": reverse("api-docs"), "label": "Read how"},
            },
        }
        return render(request, "connectors/subscribers.html", context)


class SubscriberDetailView(ConsoleView):
    """One subscriber."""

    permission = permissions.READ

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        """What it is told, what waits, how telling it went, who changed it."""
        found, now = _found(code), clock.now()
        notices = waiting_notices(code)
        may_act = self.actor.may(permissions.CONFIGURE)
        context = {
            **_row(found, now),
            "notices": [{"one": one, "age": span(now - one.noted_at)} for one in notices],
            "tellings": [_telling(one) for one in tellings(code)],
            "changes": _changes(code),
            "may_act": may_act,
            "can_redeliver": may_act and found.is_active and found.waiting > 0,
            "dialogs": [
                _owner_dialog(found, {}),
                _redeliver_dialog(found),
                *([_end_dialog(found)] if found.is_active else []),
            ]
            if may_act
            else [],
        }
        return render(request, "connectors/subscriber.html", context)


class SubscriberActView(ConsoleView):
    """Naming the owner, telling again, ending."""

    permission = permissions.CONFIGURE

    def post(self, request: HttpRequest, code: str, act: str) -> HttpResponse:
        """Do it and show the page anew; a refusal answers the form with what was typed."""
        found, said = _found(code), request.POST
        if act not in _DIALOGS:
            raise Http404
        try:
            if act == "owner":
                name_owner(code, owner=said.get("owner", ""), by=self.actor)
            elif act == "redeliver":
                redeliver(code, by=self.actor)
            else:
                unsubscribe(code, by=self.actor)
        except DomainError as error:
            if error.status not in {409, 422}:
                raise
            confirm = {**_DIALOGS[act](found, said), "error": error.detail}
            form = "console/_confirm_form.html"
            return render(request, form, {"confirm": confirm}, status=422)
        page = reverse("connectors:subscriber-detail", args=[code])
        if getattr(request, "htmx", False):
            return HttpResponse(status=204, headers={"HX-Redirect": page})
        return redirect(page)


def _found(code: str) -> Subscriber:
    found = next((one for one in subscribers() if one.code == code), None)
    if found is None:
        raise Http404
    return found


def _row(one: Subscriber, now: datetime) -> dict[str, Any]:
    return {
        "one": one,
        "url": reverse("connectors:subscriber-detail", args=[one.code]),
        "state": _state(one),
        "taken": span(now - one.last_ok_at) if one.last_ok_at else "",
    }


def _state(one: Subscriber) -> dict[str, str]:
    """How it does, as a chip: ended, failing since its last success, waiting, or up to date."""
    failed = one.last_error_at is not None and (
        one.last_ok_at is None or one.last_error_at > one.last_ok_at
    )
    if not one.is_active:
        return {"tone": "", "icon": "pause", "text": "Ended"}
    if failed and one.waiting:
        return {"tone": "high", "icon": "warn", "text": "Does not answer"}
    if one.waiting:
        return {"tone": "med", "icon": "clock", "text": "Being told"}
    return {"tone": "ok", "icon": "check", "text": "Up to date"}


def _telling(one: OutboundCommand) -> dict[str, Any]:
    return {
        "one": one,
        "tone": TONES[one.status_value],
        "told": one.answer.get("told") if one.answer else None,
    }


def _changes(code: str) -> list[dict[str, Any]]:
    entries = timeline_of(("subscription", code), limit=CHANGES)
    names = names_of({entry.actor_id for entry in entries})
    return [
        {
            "at": entry.at,
            "who": names.get(entry.actor_id) or entry.actor_name,
            "what": SAID.get(entry.verb, entry.verb),
            "text": _told(entry.data),
        }
        for entry in entries
    ]


def _told(data: Mapping[str, Any]) -> str:
    if "to" in data:
        return f"{data['from'] or 'nobody'} to {data['to'] or 'nobody'}"
    if "waiting" in data:
        return f"{data['waiting']:,} waited"
    if "dropped" in data:
        return f"{data['dropped']:,} dropped"
    return ", ".join(data.get("types", ()))


def _owner_dialog(one: Subscriber, said: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": "owner",
        "title": f"Who answers for {one.name}",
        "verb": "Save",
        "action_url": reverse("connectors:subscriber-act", args=[one.code, "owner"]),
        "fields": [
            {
                "name": "owner",
                "label": "Owner",
                "value": said.get("owner", one.owner),
                "help": "A person or a team; empty when nobody answers for it yet.",
            }
        ],
    }


def _redeliver_dialog(one: Subscriber) -> dict[str, Any]:
    return {
        "id": "redeliver",
        "title": f"Tell {one.name} now",
        "verb": "Tell now",
        "text": f"{one.waiting:,} wait and are sent at once, in order. What it took before is not "
        "sent again; each carries an id, so that a repeat changes nothing there.",
        "action_url": reverse("connectors:subscriber-act", args=[one.code, "redeliver"]),
        "fields": [],
    }


def _end_dialog(one: Subscriber) -> dict[str, Any]:
    return {
        "id": "end",
        "title": f"End what {one.name} is told",
        "verb": "End",
        "text": f"It is told nothing more, and the {one.waiting:,} that wait are dropped. "
        "Subscribing again does not bring them back; a replay does not either.",
        "action_url": reverse("connectors:subscriber-act", args=[one.code, "end"]),
        "fields": [],
        "is_danger": True,
    }


_DIALOGS: Mapping[str, Callable[[Subscriber, Mapping[str, str]], dict[str, Any]]] = {
    "owner": _owner_dialog,
    "redeliver": lambda one, _said: _redeliver_dialog(one),
    "end": lambda one, _said: _end_dialog(one),
}
