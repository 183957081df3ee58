"""Routes of the master-data API; channels and planning parameters are availability's."""

from __future__ import annotations

from django.urls import path

from inventory_control.catalog.api.views import (
    ItemListView,
    NodeListView,
    SubstituteListView,
    SupplierListView,
)

urlpatterns = [
    path("catalog/suppliers", SupplierListView.as_view(), name="supplier-list"),
    path("catalog/nodes", NodeListView.as_view(), name="node-list"),
    path("catalog/items", ItemListView.as_view(), name="item-list"),
    path("catalog/substitutes", SubstituteListView.as_view(), name="substitute-list"),
]
