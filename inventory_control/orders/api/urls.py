"""Routes of the orders API."""

from __future__ import annotations

from django.urls import path

from inventory_control.orders.api.booking import (
    FinancialDocumentDecideView,
    FinancialDocumentListView,
    FinancialDocumentView,
)
from inventory_control.orders.api.facts import InspectionView, ShipDateView, ShipmentView
from inventory_control.orders.api.views import (
    PurchaseOrderCancelView,
    PurchaseOrderListView,
    PurchaseOrderView,
    TransferSettleView,
    TransferView,
)

urlpatterns = [
    path("purchase-orders", PurchaseOrderListView.as_view(), name="purchase-order-list"),
    path("purchase-orders/<str:number>", PurchaseOrderView.as_view(), name="purchase-order"),
    path(
        "purchase-orders/<str:number>/cancel",
        PurchaseOrderCancelView.as_view(),
        name="purchase-order-cancel",
    ),
    path(
        "purchase-orders/<str:number>/ship-date",
        ShipDateView.as_view(),
        name="purchase-order-ship-date",
    ),
    path("transfers/<str:number>", TransferView.as_view(), name="transfer"),
    path("transfers/<str:number>/settle", TransferSettleView.as_view(), name="transfer-settle"),
    path("inspections", InspectionView.as_view(), name="inspection-list"),
    path("shipments", ShipmentView.as_view(), name="shipment-list"),
    path("erp-documents", FinancialDocumentListView.as_view(), name="erp-document-list"),
    path("erp-documents/<str:number>", FinancialDocumentView.as_view(), name="erp-document"),
    path(
        "erp-documents/<str:number>/decide",
        FinancialDocumentDecideView.as_view(),
        name="erp-document-decide",
    ),
]
