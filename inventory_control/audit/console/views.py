"""The audit log: entries newest first, and the proof of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from inventory_control.audit import permissions
from inventory_control.audit.selectors import entries, latest_head, proof_for
from inventory_control.web.console import ConsoleView
from inventory_control.web.times import readable

PAGE = 50
MOST_WORDS = 160
SUBJECTS: Mapping[str, str] = {
    "controltotal": "control total",
    "exceptioncase": "exception",
    "exposurerule": "exposure rule",
    "financialdocument": "ERP document",
    "itemnode": "item at node",
    "legalhold": "legal hold",
    "outboundcommand": "message out",
    "postponed_call": "postponed call",
    "purchaseorder": "purchase order",
    "transferorder": "transfer",
}
"""Kinds of subject in words, where the kind is not a word."""


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
        kept = {"subject": subject} if separator else {}
        older = urlencode({**kept, "before": found[-1].entry_id}) if len(found) == PAGE else None
        context = {
            "rows": [
                {
                    "one": entry,
                    "subject": SUBJECTS.get(entry.subject_kind, entry.subject_kind),
                    "who": entry.actor_name or entry.actor_kind,
                    "words": _words(entry.data),
                }
                for entry in found
            ],
            "actor_ids": [entry.actor_id for entry in found],
            "subject": subject if separator else "",
            "head": latest_head(),
            "pager": {
                "text": f"{len(found)} on this page",
                "newer_url": f"{address}?{urlencode(kept)}" if before else None,
                "newer_label": "Newest",
                "older_url": f"{address}?{older}" if older else None,
            },
            "empty": {
                "icon": "audit",
                "title": "Nothing was done to it yet" if separator else "Nothing was done yet",
                "text": "Every change of stock, case, policy and right is written here.",
                "action": {"url": address, "label": "Show the whole log"} if separator else None,
            },
        }
        return render(request, "audit/entries.html", context)


class EntryProofView(ConsoleView):
    """The proof that one entry stands in the sealed log."""

    permission = permissions.READ

    def get(self, request: HttpRequest, entry_id: int) -> HttpResponse:
        """The entry as it was hashed, its path, and the head it leads to."""
        return render(request, "audit/proof.html", {"proof": proof_for(entry_id), "pk": entry_id})


def _words(data: Mapping[str, Any]) -> str:
    """What an entry holds, in short; its proof shows all of it."""
    parts = [f"{key.replace('_', ' ')} {_said(value)}" for key, value in data.items() if value]
    text = ", ".join(parts)
    return text if len(text) <= MOST_WORDS else f"{text[: MOST_WORDS - 1]}…"


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {_said(one)}" for key, one in value.items())
    if isinstance(value, list):
        return " ".join(_said(one) for one in value)
    return readable(value)
