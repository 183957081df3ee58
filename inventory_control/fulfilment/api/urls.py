"""Routes of the fulfilment API."""

from __future__ import annotations

from django.urls import path

from inventory_control.fulfilment.api.allocating import (
    AllocationRefusalListView,
    AllocationView,
    SubstitutionView,
)
from inventory_control.fulfilment.api.views import (
    BackorderListView,
    BackorderReleaseView,
    SalesOrderView,
)

urlpatterns = [
    path("allocations", AllocationView.as_view(), name="allocation-list"),
    path("allocations/refusals", AllocationRefusalListView.as_view(), name="allocation-refusals"),
    path("allocations/substitute", SubstitutionView.as_view(), name="allocation-substitute"),
    path("backorders", BackorderListView.as_view(), name="backorder-list"),
    path(
        "backorders/<int:backorder_id>/release",
        BackorderReleaseView.as_view(),
        name="backorder-release",
    ),
    path("sales-orders/<str:order>", SalesOrderView.as_view(), name="sales-order"),
]
