"""Routes of the orders API."""

from __future__ import annotations

from django.urls import path

from inventory_control.orders.api.views import (
    PurchaseOrderCancelView,
    PurchaseOrderListView,
    PurchaseOrderView,
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
    path("transfers/<str:number>", TransferView.as_view(), name="transfer"),
]
