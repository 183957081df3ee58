"""Routes of the master-data API; channels and planning parameters are availability's."""

from __future__ import annotations

from django.urls import path

from inventory_control.catalog.api.naming import (
    ItemIdentifierListView,
    ItemIdentifierView,
    NodeIdentifierListView,
    NodeIdentifierView,
    StateMappingListView,
    StateMappingView,
)
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
    path("catalog/item-identifiers", ItemIdentifierListView.as_view(), name="item-identifier-list"),
    path(
        "catalog/item-identifiers/<int:name_id>",
        ItemIdentifierView.as_view(),
        name="item-identifier",
    ),
    path("catalog/node-identifiers", NodeIdentifierListView.as_view(), name="node-identifier-list"),
    path(
        "catalog/node-identifiers/<int:name_id>",
        NodeIdentifierView.as_view(),
        name="node-identifier",
    ),
    path("catalog/state-mappings", StateMappingListView.as_view(), name="state-mapping-list"),
    path("catalog/state-mappings/<int:name_id>", StateMappingView.as_view(), name="state-mapping"),
]
