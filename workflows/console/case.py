"""The case page: what is at stake, the evidence, the advice, who decides, what happened."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from ai_advice.models import Advice
from ai_advice.selectors import advice_of
from exceptions import permissions
from exceptions.detectors.position_mismatch import PositionMismatch
from exceptions.models import ExceptionCase
from exceptions.rules import UNMAPPED
from exceptions.selectors import case_page, moves_of
from exceptions.services import acknowledge, add_note, assign, dismiss, reopen, resolve
from inventory_control.audit.selectors import timeline_of
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import DomainError, Refused
from inventory_control.people.selectors import names_of
from inventory_control.stock import permissions as stock
from inventory_control.web.console import ConsoleView
from inventory_control.web.times import readable
from workflows.console.words import (
    KINDS,
    LEVELS,
    advice_words,
    due_chip,
    field_name,
    money,
    timeline,
)
from workflows.models import Approval, WorkflowRun
from workflows.selectors import runs_of
from workflows.states import ApprovalStatus, RunStatus

TIMELINE_LENGTH = 60
HIDDEN_EVIDENCE = frozenset(
    {"claims", "counts", "discrepancies", "inbound", "inbound_documents", "said"}
)


class CaseDetailView(ConsoleView):
    """One case."""

    permission = permissions.READ

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The whole page."""
        context = case_context(request, case_page(pk), self.actor)
        return render(request, "exceptions/case.html", context)


class CaseActView(ConsoleView):
    """One act on one case; answers the fresh page body and says what happened."""

    permission = permissions.HANDLE

    def post(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        """Do it. 409 and 422 answer the same fragment with the refusal on top."""
        refusal: DomainError | None = None
        try:
            said = self._do(case_page(pk), act, request.POST.dict())
        except DomainError as error:
            refusal, said = error, error.detail
        if not getattr(request, "htmx", False) and refusal is None:
            return redirect("exceptions:case-detail", pk)
        context = case_context(request, case_page(pk), self.actor)
        status = refusal.status if refusal and refusal.status in {409, 422} else 200
        return render(
            request,
            "exceptions/_case.html",
            {
                **context,
                "refusal": refusal,
                "toast": None if refusal else {"text": said},
                "announcement": said,
                "oob": True,
            },
            status=status,
        )

    def _do(self, case: ExceptionCase, act: str, said: dict[str, str]) -> str:
        by, reason = self.actor, said.get("reason", "")
        if act == "acknowledge":
            acknowledge(case, by=by)
            return "Taken on. The clock of the first response has stopped."
        if act == "assign":
            assign(case, assignee=by.id, by=by)
            return "Assigned to you."
        if act == "resolve":
            resolve(case, reason=reason, by=by)
            return "Resolved."
        if act == "dismiss":
            dismiss(case, reason=reason, by=by)
            return "Dismissed as a false alarm."
        if act == "reopen":
            reopen(case, reason=reason, by=by)
            return "Open again."
        if act == "note":
            add_note(case, text=said.get("text", ""), by=by)
            return "Note added."
        raise Refused(f"There is no act {act[:20]}.", field="act")


def case_context(request: HttpRequest, case: ExceptionCase, by: Actor) -> dict[str, Any]:
    """Everything the case page shows."""
    currency = str(request.house.currency)  # type: ignore[attr-defined]  # tenants.middleware
    runs = runs_of(case.pk)
    advice = advice_of(case.pk)
    subjects = [("exceptioncase", str(case.pk))]
    subjects += [("workflowrun", str(run.pk)) for run in runs]
    approvals = [one for run in runs for one in run.approvals.all()]
    subjects += [("approval", str(one.pk)) for one in approvals]
    entries = timeline_of(*subjects, limit=TIMELINE_LENGTH)
    names = names_of(
        {one.actor_id for one in entries}
        | {case.assignee}
        | {one.decided_by for one in approvals}
        | {note.author for note in case.notes.all()}
    )
    now = clock.now()
    return {
        "case": case,
        "kind": KINDS.get(case.kind, case.kind),
        "level": LEVELS[case.severity],
        "stake": money(case.at_stake, currency),
        "sla": due_chip(case.due_at, now) if not case.closed_at else None,
        "owner": names.get(case.assignee, ""),
        "moves": _moves(case, by),
        "evidence": evidence_lines(case.evidence),
        "picture_url": _picture_url(case, by),
        "item_url": reverse("stock:item-detail", args=[case.item.sku]) if case.item else None,
        "map_url": _map_url(case),
        "advice": _advice(advice[0], case, currency, now) if advice else None,
        "runs": [_run(run, names, currency) for run in runs[:1]],
        "earlier_runs": [_run(run, names, currency) for run in runs[1:]],
        "notes": [
            {"author": names.get(note.author, "Somebody"), "at": note.written_at, "text": note.text}
            for note in case.notes.all()
        ],
        "timeline": timeline(case.pk, entries, names),
        "back_url": reverse("exceptions:case-list"),
        "dialogs": [_reason_dialog(case, act) for act in ("resolve", "dismiss")],
    }


def _picture_url(case: ExceptionCase, by: Actor) -> str | None:
    """Where a case about numbers that disagree shows all of them side by side."""
    if case.kind != PositionMismatch.key or case.item is None or not by.may(stock.READ):
        return None
    return reverse("reconciliation:item-picture", args=[case.item.sku])


def _map_url(case: ExceptionCase) -> str | None:
    """Where an unknown name is mapped, if that is what the case is about."""
    if case.kind != UNMAPPED or case.closed_at:
        return None
    asked = {name: str(case.evidence[name]) for name in ("source", "name")}
    return f"{reverse('events:dead-letter-list')}?{urlencode(asked)}"


def _moves(case: ExceptionCase, by: Actor) -> list[dict[str, Any]]:
    """The buttons there are: what the flow allows and this person may do."""
    allowed = moves_of(case, by)
    plain = {
        "acknowledge": ("Take on", "user", "a"),
        "assign": ("Assign to me", "userplus", "m"),
        "reopen": ("Open again", "queue", "o"),
    }
    asking = {"resolve": ("Resolve…", "check", "e"), "dismiss": ("False alarm…", "x", "f")}
    moves = [
        {
            "label": label,
            "icon": icon,
            "key": key,
            "url": reverse("exceptions:case-act", args=[case.pk, act]),
            "dialog": "",
        }
        for act, (label, icon, key) in plain.items()
        if act in allowed
    ]
    moves += [
        {"label": label, "icon": icon, "key": key, "url": "", "dialog": f"{act}-dialog"}
        for act, (label, icon, key) in asking.items()
        if act in allowed
    ]
    return moves


def _reason_dialog(case: ExceptionCase, act: str) -> dict[str, Any]:
    words = {
        "resolve": ("Resolve this exception", "Resolve", "It opens again if the risk comes back."),
        "dismiss": ("Dismiss as a false alarm", "Dismiss", "The detector's hit rate counts it."),
    }
    title, verb, text = words[act]
    return {
        "id": f"{act}-dialog",
        "title": title,
        "verb": verb,
        "text": text,
        "action_url": reverse("exceptions:case-act", args=[case.pk, act]),
        "target": "#case-body",
        "swap": "outerHTML",
        "fields": [{"name": "reason", "label": "Reason", "value": "", "required": True}],
    }


def evidence_lines(evidence: dict[str, Any]) -> list[dict[str, str]]:
    """Figures as name and value, in the order they were written; the facts of the moment the case
    opened come last, by their own names.
    """
    facts = evidence.get("facts") or {}
    apart = {"facts", "checks"}
    told = [(field_name(key), value) for key, value in evidence.items() if key not in apart]
    told += [_checked(one) for one in evidence.get("checks") or ()]
    told += [(f"At opening: {field_name(key).lower()}", value) for key, value in facts.items()]
    hidden = {field_name(key) for key in HIDDEN_EVIDENCE}
    return [
        {"name": name, "value": _shown(value)}
        for name, value in told
        if name not in hidden and value not in (None, "", [], {})
    ]


def _checked(check: dict[str, Any]) -> tuple[str, str]:
    """A check by its name, whether it passed, and the fact it rests on."""
    verdict = "passed" if check["passed"] else "failed"
    return f"Check: {field_name(check['check']).lower()}", f"{verdict}, {check['found']}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value[:6])
    if isinstance(value, dict):
        return " · ".join(_shown(one) for one in value.values() if one not in (None, ""))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return readable(value)


def _advice(advice: Advice, case: ExceptionCase, currency: str, now: Any) -> dict[str, Any]:
    """The newest advice, with the ways not taken beside it."""
    return {
        **advice_words(advice),
        "proposition": advice.proposition,
        "percent": round(advice.confidence * 200),
        "value": money(advice.value, currency),
        "quantity": advice.quantity,
        "expected_at": advice.expected_at,
        "is_expired": advice.expires_at <= now,
        "is_stale": advice.case_version != case.version,
        "expires_at": advice.expires_at,
        "made_by": f"{advice.advisor} {advice.model_version}",
        "snapshot": advice.snapshot[:12],
        "evidence": evidence_lines(advice.evidence),
        "alternatives": [one.get("reason", "") for one in advice.alternatives],
    }


def _run(run: WorkflowRun, names: dict[str, str], currency: str) -> dict[str, Any]:
    approvals = sorted(run.approvals.all(), key=lambda one: one.level)
    return {
        "pk": run.pk,
        "workflow": str(run.workflow),
        "status": run.get_status_display(),
        "tone": {"done": "ok", "refused": "crit", "stopped": "high"}.get(run.status_value, "acc"),
        "spend": money(run.spend, currency) if run.spend else "",
        "document": run.document,
        "policy": run.policy,
        "steps": [_said(one) for one in run.trace],
        "approvals": [_approval(one, names) for one in approvals],
        "is_acting": run.status_value == RunStatus.ACTING,
        "outcome": run.outcome,
    }


def _said(entry: dict[str, Any]) -> dict[str, str]:
    return {"step": str(entry.get("step", "")).capitalize(), "says": str(entry.get("says", ""))}


def _approval(one: Approval, names: dict[str, str]) -> dict[str, Any]:
    pins = {
        ApprovalStatus.APPROVED: ("ok", "check"),
        ApprovalStatus.REFUSED: ("bad", "x"),
        ApprovalStatus.WAITING: ("now", "clock"),
        ApprovalStatus.WITHDRAWN: ("todo", "x"),
    }
    pin, icon = pins[ApprovalStatus(one.status_value)]
    return {
        "role": one.role.replace("_", " ").capitalize(),
        "pin": pin,
        "icon": icon,
        "who": names.get(one.decided_by, ""),
        "at": one.decided_at,
        "due_at": one.due_at,
        "reason": one.reason,
        "escalated": one.escalated_role.replace("_", " "),
        "is_waiting": one.status_value == ApprovalStatus.WAITING,
    }
