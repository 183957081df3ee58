"""The audit log: entries newest first, and the proof of one."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from inventory_control.audit import permissions
from inventory_control.audit.selectors import entries, latest_head, proof_for
from inventory_control.web.console import ConsoleView

PAGE = 50


class EntryListView(ConsoleView):
    """Everything that was done, newest first."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page of entries; `?subject=kind:id` narrows it."""
        before, subject = request.GET.get("before", ""), request.GET.get("subject", "")
        kind, separator, pk = subject.partition(":")
        found = entries(
            before=int(before) if before.isdigit() else None,
            subject=(kind, pk) if separator else None,
            limit=PAGE,
        )
        address = reverse("audit:entry-list")
        kept = f"&subject={subject}" if separator else ""
        older = f"{address}?before={found[-1].entry_id}{kept}" if len(found) == PAGE else None
        context = {
            "rows": found,
            "head": latest_head(),
            "pager": {
                "text": f"{len(found)} on this page",
                "newer_url": address if before else None,
                "newer_label": "Newest",
                "older_url": older,
            },
            "empty": {"icon": "check", "title": "Nothing was done yet"},
        }
        return render(request, "audit/entries.html", context)


class EntryProofView(ConsoleView):
    """The proof that one entry stands in the sealed log."""

    permission = permissions.READ

    def get(self, request: HttpRequest, entry_id: int) -> HttpResponse:
        """The entry as it was hashed, its path, and the head it leads to."""
        return render(request, "audit/proof.html", {"proof": proof_for(entry_id), "pk": entry_id})
