"""Pages of orders."""

from __future__ import annotations

from django.urls import path

from inventory_control.orders.console.views import (
    FinancialDocumentListView,
    PurchaseOrderListView,
    TransferListView,
)

app_name = "orders"
urlpatterns = [
    path("purchase-orders/", PurchaseOrderListView.as_view(), name="purchase-order-list"),
    path("transfers/", TransferListView.as_view(), name="transfer-list"),
    path("erp-documents/", FinancialDocumentListView.as_view(), name="erp-document-list"),
]
