"""Lists of purchase orders and transfers, newest first."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from inventory_control.orders import permissions
from inventory_control.orders.models import FinancialDocument, PurchaseOrder, TransferOrder
from inventory_control.orders.selectors import financial_documents, purchase_orders, transfers
from inventory_control.web.console import ConsoleView

PAGE = 50
TONES = {
    "approved": "",
    "sent": "acc",
    "confirmed": "acc",
    "shipped": "acc",
    "part_received": "med",
    "received": "ok",
    "cancelled": "",
}


BOOKING_TONES = {
    "pending": "med",
    "queued": "acc",
    "acknowledged": "ok",
    "refused": "high",
    "waived": "",
}


class PurchaseOrderListView(ConsoleView):
    """Purchase orders."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page; `?sku=` narrows it."""
        sku, before = request.GET.get("sku", ""), request.GET.get("before", "")
        found = purchase_orders(
            sku=sku, before=int(before) if before.isdigit() else None, limit=PAGE
        )
        rows = [{"order": order, "tone": TONES[order.status_value]} for order in found]
        context = {"rows": rows, "pager": _pager("orders:purchase-order-list", sku, before, found)}
        return render(request, "orders/purchase_orders.html", {**context, "empty": EMPTY})


class TransferListView(ConsoleView):
    """Transfers."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page; `?sku=` narrows it."""
        sku, before = request.GET.get("sku", ""), request.GET.get("before", "")
        found = transfers(sku=sku, before=int(before) if before.isdigit() else None, limit=PAGE)
        rows = [{"order": order, "tone": TONES[order.status_value]} for order in found]
        context = {"rows": rows, "pager": _pager("orders:transfer-list", sku, before, found)}
        return render(request, "orders/transfers.html", {**context, "empty": EMPTY})


class FinancialDocumentListView(ConsoleView):
    """ERP documents."""

    permission = permissions.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page; `?sku=` narrows it."""
        sku, before = request.GET.get("sku", ""), request.GET.get("before", "")
        found = financial_documents(
            sku=sku, before=int(before) if before.isdigit() else None, limit=PAGE
        )
        rows = [{"document": one, "tone": BOOKING_TONES[one.status_value]} for one in found]
        context = {"rows": rows, "pager": _pager("orders:erp-document-list", sku, before, found)}
        empty = {**EMPTY, "text": "What moves and concerns the ERP appears here."}
        return render(request, "orders/erp_documents.html", {**context, "empty": empty})


EMPTY = {"icon": "check", "title": "None yet", "text": "What workflows place appears here."}


def _pager(
    name: str,
    sku: str,
    before: str,
    found: list[PurchaseOrder] | list[TransferOrder] | list[FinancialDocument],
) -> dict[str, Any]:
    kept = {"sku": sku} if sku else {}
    older = {**kept, "before": str(found[-1].pk)} if len(found) == PAGE else None
    return {
        "text": f"{len(found)} on this page",
        "newer_url": f"{reverse(name)}?{urlencode(kept)}" if before else None,
        "newer_label": "First page",
        "older_url": f"{reverse(name)}?{urlencode(older)}" if older else None,
        "older_label": "Next page",
    }
