"""The page of one business object's timeline."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from inventory_control.events import permissions
from inventory_control.people.selectors import names_of
from inventory_control.timelines.selectors import timeline_of_object
from inventory_control.timelines.values import Moment
from inventory_control.web.console import ConsoleView

ICONS = {
    "event": "zap",
    "ledger": "calc",
    "claim": "lock",
    "count": "count",
    "case": "queue",
    "run": "flow",
    "approval": "approve",
    "command": "out",
    "answer": "check",
    "message": "msg",
    "audit": "audit",
}
PAGES = {
    "event": "timelines:event-detail",
    "exceptioncase": "exceptions:case-detail",
    "notificationrequest": "notifications:request-detail",
}


class TimelineView(ConsoleView):
    """One business object."""

    permission = permissions.READ

    def get(self, request: HttpRequest, kind: str, object_id: str) -> HttpResponse:
        """Everything that happened to it, in true order, with both times."""
        timeline = timeline_of_object(kind, object_id)
        names = names_of({moment.source for moment in timeline.moments if moment.source})
        context = {
            "timeline": timeline,
            "noun": kind.replace("_", " "),
            "rows": [
                {
                    "moment": moment,
                    "icon": ICONS[moment.kind],
                    "url": _url(moment),
                    "who": names.get(moment.source) or moment.source,
                }
                for moment in timeline.moments
            ],
        }
        return render(request, "timelines/object.html", context)


def _url(moment: Moment) -> str | None:
    kind, pk = moment.subject
    return reverse(PAGES[kind], args=[pk]) if kind in PAGES else None
