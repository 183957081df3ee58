"""Replays and legal holds: preview, read what it would do, confirm; place and lift."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from connectors.models import LegalHold, Replay
from connectors.selectors import legal_holds, replays
from connectors.services import (
    lift_hold,
    place_hold,
    preview_replay,
    start_replay,
    stop_replay,
)
from connectors.states import LegalHoldStatus, ReplayStatus
from connectors.values import ReplayScope
from inventory_control.core.errors import DomainError, Refused
from inventory_control.events import permissions
from inventory_control.events.rules import EVENT_TYPES
from inventory_control.people.selectors import names_of
from inventory_control.web.console import ConsoleView
from inventory_control.web.moments import read_moment

PAGE = 20
TONES = {
    ReplayStatus.PREVIEWED: "",
    ReplayStatus.RUNNING: "acc",
    ReplayStatus.DONE: "ok",
    ReplayStatus.STOPPED: "high",
}


class ReplayListView(ConsoleView):
    """Replays."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page, newest first, with the form of a new one."""
        return self._page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Preview one; a refusal shows on the page with the form as it was."""
        said = request.POST.dict()
        try:
            preview_replay(_scope(said), reason=said.get("reason", ""), by=self.actor)
        except DomainError as error:
            if error.status not in {409, 422}:
                raise
            return self._page(request, said, error)
        return redirect("connectors:replay-list")

    def _page(
        self,
        request: HttpRequest,
        said: dict[str, str] | None = None,
        refusal: DomainError | None = None,
    ) -> HttpResponse:
        before = request.GET.get("before", "")
        found = replays(before=int(before) if before.isdigit() else None, limit=PAGE)
        names = names_of({replay.previewed_by for replay in found})
        context = {
            "rows": [_row(replay, names) for replay in found],
            "may_act": self.actor.may(permissions.REPLAY),
            "types": [(name, name == (said or {}).get("type")) for name in EVENT_TYPES],
            "said": said or {},
            "refusal": refusal,
            "pager": _pager("connectors:replay-list", found, before),
            "empty": {
                "icon": "sync",
                "title": "Nothing was replayed yet",
                "text": "A preview counts what would be taken in again; nothing runs before that.",
            },
        }
        status = refusal.status if refusal else 200
        return render(request, "connectors/replays.html", context, status=status)


class ReplayActView(ConsoleView):
    """Starting and stopping."""

    permission = permissions.REPLAY

    def post(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        """Do it, then show the list again."""
        if act == "start":
            start_replay(pk, confirmed=_number(request.POST.get("confirmed", "")), by=self.actor)
        elif act == "stop":
            stop_replay(pk, reason=request.POST.get("reason", ""), by=self.actor)
        else:
            raise Refused(f"There is no act {act[:20]}.", field="act")
        return redirect("connectors:replay-list")


class LegalHoldListView(ConsoleView):
    """Legal holds."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page, newest first."""
        before = request.GET.get("before", "")
        found = legal_holds(before=int(before) if before.isdigit() else None, limit=PAGE)
        names = names_of({hold.placed_by for hold in found} | {hold.lifted_by for hold in found})
        context = {
            "rows": [_hold_row(hold, names) for hold in found],
            "may_act": self.actor.may(permissions.HOLD),
            "pager": _pager("connectors:legal-hold-list", found, before),
            "empty": {
                "icon": "lock",
                "title": "No legal hold",
                "text": "What a hold covers is not replayed until it is lifted.",
            },
        }
        return render(request, "connectors/legal_holds.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Place one; the service asks for the right to."""
        said = request.POST.dict()
        place_hold(
            source=said.get("source", "").strip(),
            sku=said.get("item", "").strip(),
            since=read_moment(said.get("since", ""), "since"),
            until=read_moment(said.get("until", ""), "until"),
            reason=said.get("reason", ""),
            by=self.actor,
        )
        return redirect("connectors:legal-hold-list")


class LegalHoldActView(ConsoleView):
    """Lifting a hold."""

    permission = permissions.HOLD

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Lift it for a reason, then show the list again."""
        lift_hold(pk, reason=request.POST.get("reason", ""), by=self.actor)
        return redirect("connectors:legal-hold-list")


def _row(replay: Replay, names: dict[str, str]) -> dict[str, Any]:
    parts = [replay.source, replay.type, f"event {replay.event_id}" if replay.event_id else ""]
    return {
        "replay": replay,
        "covers": ", ".join(filter(None, parts)) or "everything",
        "known": replay.total - replay.fresh,
        "who": names.get(replay.previewed_by) or replay.previewed_by,
        "tone": TONES[ReplayStatus(replay.status_value)],
        "can_start": replay.status_value == ReplayStatus.PREVIEWED,
        "can_stop": not replay.is_final,
        "outcomes": sorted(replay.outcomes.items()),
    }


def _hold_row(hold: LegalHold, names: dict[str, str]) -> dict[str, Any]:
    parts = [hold.source, hold.item.sku if hold.item else ""]
    return {
        "hold": hold,
        "covers": ", ".join(filter(None, parts)) or "everything",
        "who": names.get(hold.placed_by) or hold.placed_by,
        "lifted_by": names.get(hold.lifted_by) or hold.lifted_by,
        "can_lift": hold.status_value == LegalHoldStatus.STANDING,
    }


def _scope(said: dict[str, str]) -> ReplayScope:
    event_id = said.get("event_id", "").strip()
    return ReplayScope(
        source=said.get("source", "").strip(),
        type=said.get("type", "").strip(),
        since=read_moment(said.get("since", ""), "since"),
        until=read_moment(said.get("until", ""), "until"),
        event_id=_number(event_id) if event_id else None,
    )


def _number(text: str) -> int:
    if not text.isdigit() or len(text) > 18:
        raise Refused(f"A whole number is needed, not {text[:40]}.", field="confirmed")
    return int(text)


def _pager(name: str, found: list[Any], before: str) -> dict[str, Any]:
    address = reverse(name)
    return {
        "text": f"{len(found)} on this page",
        "newer_url": address if before else None,
        "older_url": f"{address}?before={found[-1].pk}" if len(found) == PAGE else None,
    }
