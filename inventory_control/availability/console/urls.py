"""Pages of items."""

from __future__ import annotations

from django.urls import path

from inventory_control.availability.console.listing import ListingView
from inventory_control.availability.console.views import HoldView, ItemDetailView, ItemListView

app_name = "stock"
urlpatterns = [
    path("", ItemListView.as_view(), name="item-list"),
    path("<str:sku>/", ItemDetailView.as_view(), name="item-detail"),
    path("<str:sku>/holds/", HoldView.as_view(), name="item-hold"),
    path("<str:sku>/holds/<int:pk>/lift/", HoldView.as_view(), name="item-hold-lift"),
    path("<str:sku>/channels/<str:code>/", ListingView.as_view(), name="listing"),
]
