"""The approvals inbox: what waits for this person, with what it rests on, decided in place."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import DomainError
from inventory_control.people.selectors import names_of
from inventory_control.web.console import ConsoleView
from workflows import permissions
from workflows.console.case import evidence_lines
from workflows.console.words import ACTION_ICONS, due_chip, money
from workflows.models import Approval
from workflows.selectors import (
    approval,
    approvals_waiting,
    facts_at_asking,
    facts_of,
    markdown_of,
)
from workflows.services import decide, decide_one
from workflows.values import Markdown, Verdict

PAGE = 100


class ApprovalListView(ConsoleView):
    """The inbox: a list, and the one chosen beside it."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """The page; `?chosen=` names the approval shown."""
        return render(request, "workflows/approvals.html", inbox_context(request, self.actor))


class ApprovalDecideView(ConsoleView):
    """A decision on one approval."""

    permission = permissions.APPROVE

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Decide, then answer the inbox anew; a refusal stands on top of it in words."""
        verdict = Verdict.APPROVED if request.POST.get("verdict") == "approved" else Verdict.REFUSED
        refusal: DomainError | None = None
        said = "Approved." if verdict is Verdict.APPROVED else "Refused."
        try:
            decide_one(
                approval=pk, verdict=verdict, reason=request.POST.get("reason", ""), by=self.actor
            )
        except DomainError as error:
            refusal, said = error, error.detail
        return _answer(request, self.actor, refusal, said)


class ApprovalBulkView(ConsoleView):
    """One verdict on the selected approvals."""

    permission = permissions.APPROVE

    def post(self, request: HttpRequest) -> HttpResponse:
        """Approve what this person may; the toast counts what they may not, and why."""
        chosen = [int(pk) for pk in request.POST.getlist("approval") if pk.isdigit()]
        refusal: DomainError | None = None
        try:
            answers = decide(
                approvals=chosen,
                verdict=Verdict.APPROVED,
                reason=request.POST.get("reason", ""),
                by=self.actor,
            )
            held = [one for one in answers if not one.is_done]
            said = f"{len(answers) - len(held)} approved."
            if held:
                said += f" {len(held)} not: {held[0].detail}"
        except DomainError as error:
            refusal, said = error, error.detail
        return _answer(request, self.actor, refusal, said)


def inbox_context(request: HttpRequest, by: Actor) -> dict[str, Any]:
    """The list and the approval chosen, or the first one."""
    currency = str(request.house.currency)  # type: ignore[attr-defined]  # tenants.middleware
    waiting = approvals_waiting(by, limit=PAGE)
    now = clock.now()
    wanted = request.GET.get("chosen", "")
    chosen = next((one for one in waiting if str(one.pk) == wanted), None)
    if chosen is None and wanted.isdigit():
        chosen = approval(int(wanted))
    chosen = chosen or (waiting[0] if waiting else None)
    return {
        "rows": [_row(one, currency, now, chosen) for one in waiting],
        "chosen": _chosen(chosen, currency, now) if chosen else None,
        "count": len(waiting),
        "bulk_url": reverse("workflows:approval-bulk"),
        "list_url": reverse("workflows:approval-list"),
        "empty": {
            "icon": "check",
            "title": "Nothing waits for you",
            "text": "What needs your decision appears here.",
        },
    }


def _answer(
    request: HttpRequest, by: Actor, refusal: DomainError | None, said: str
) -> HttpResponse:
    if not getattr(request, "htmx", False) and refusal is None:
        return redirect("workflows:approval-list")
    status = refusal.status if refusal and refusal.status in {409, 422} else 200
    context = inbox_context(request, by)
    return render(
        request,
        "workflows/_inbox.html",
        {
            **context,
            "refusal": refusal,
            "toast": None if refusal else {"text": said},
            "announcement": said,
            "oob": True,
        },
        status=status,
    )


def _row(one: Approval, currency: str, now: Any, chosen: Approval | None) -> dict[str, Any]:
    return {
        "pk": one.pk,
        "url": f"{reverse('workflows:approval-list')}?chosen={one.pk}#chosen",
        "is_chosen": chosen is not None and chosen.pk == one.pk,
        "icon": ACTION_ICONS.get(one.run.action, "po"),
        "title": _title(one),
        "value": money(one.value, currency),
        "sla": due_chip(one.due_at, now),
        "role": one.role.replace("_", " ").capitalize(),
    }


def _chosen(one: Approval, currency: str, now: Any) -> dict[str, Any]:
    run, advice, case = one.run, one.run.advice, one.run.case
    return {
        "pk": one.pk,
        "title": _title(one),
        "value": money(one.value, currency),
        "level": one.level,
        "role": one.role.replace("_", " "),
        "escalated": one.escalated_role.replace("_", " "),
        "sla": due_chip(one.due_at, now),
        "proposition": advice.proposition if advice else _why(one),
        "confidence": f"{advice.confidence:.2f}" if advice else "",
        "evidence": evidence_lines(advice.evidence) if advice else _asked(one),
        "policy": run.policy,
        "steps": [
            {"step": str(step.get("step", "")).capitalize(), "says": str(step.get("says", ""))}
            for step in run.trace
        ],
        "case_url": reverse("exceptions:case-detail", args=[case.pk]) if case else "",
        "case": case.summary if case else "",
        "decide_url": reverse("workflows:approval-decide", args=[one.pk]),
        "is_waiting": one.status_value == "waiting",
        "status": one.get_status_display(),
    }


def _why(one: Approval) -> str:
    request = one.run.request
    if request is None:
        return ""
    return f"{request.reason}: {request.note}" if request.note else request.reason


def _asked(one: Approval) -> list[dict[str, str]]:
    """What an approver needs beside the reason: who asked, on what proof, and the facts of now."""
    run, request = one.run, one.run.request
    if request is None:
        return []
    then, now = facts_at_asking(run), facts_of([run])[run.pk]
    lines = {
        "Asked by": names_of([run.requester]).get(run.requester, "A program"),
        "Evidence": request.evidence,
        now.what: f"{now.units:,} now, {then.units:,} when it was asked",
        "Cost of one": str(now.unit_cost),
        **(_price_lines(told) if (told := markdown_of(run)) else {}),
        "In the way": now.obstacle,
    }
    return [{"name": name, "value": value} for name, value in lines.items() if value]


def _price_lines(told: Markdown) -> dict[str, str]:
    """What an approver of a lower price weighs, in the money the item sells for."""
    return {
        "Price": f"{told.proposed.normalize():f} instead of {told.price.normalize():f} {told.currency}",
        "Margin now": f"{told.margin_now:,} {told.currency}",
        "Margin after": f"{told.margin_after:,} {told.currency}",
        "Margin effect": f"{told.margin_effect:,} {told.currency}",
    }


def _title(one: Approval) -> str:
    run = one.run
    item, node = run.item, run.node
    sku, code = (item.sku if item else ""), (node.code if node else "")
    if run.action == "adjust" and run.request:
        return f"Adjust {sku} at {code} by {run.quantity:+,} {run.request.state}"
    if run.action == "correct" and run.request:
        return f"Correct event {run.request.corrects} of {sku} at {code} to {run.quantity:,}"
    if run.action == "markdown" and run.request and run.request.price is not None:
        return f"Mark {sku} down to {run.request.price.normalize():f} {run.request.currency}"
    if run.action == "resume" and run.request:
        return f"Show {sku} on {run.request.channel} again although a rule holds it"
    if run.action == "transfer":
        return f"Move {run.quantity:,} {sku} from {run.from_node} to {code}"
    return f"Order {run.quantity:,} {sku} for {code}"
