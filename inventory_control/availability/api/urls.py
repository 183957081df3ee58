"""Routes of the availability API."""

from __future__ import annotations

from django.urls import path

from inventory_control.availability.api.exposure import (
    HoldListView,
    HoldView,
    ListingListView,
    PauseView,
    RuleListView,
    RuleView,
)
from inventory_control.availability.api.figures import (
    BreakdownView,
    PromisesView,
    ReceiptListView,
    SafetyStockView,
)
from inventory_control.availability.api.views import (
    AvailabilityView,
    ChannelListView,
    ItemNodeListView,
)

urlpatterns = [
    path("availability", AvailabilityView.as_view(), name="availability"),
    path("availability/breakdown", BreakdownView.as_view(), name="availability-breakdown"),
    path("availability/atp", PromisesView.as_view(), name="availability-atp"),
    path("availability/safety-stock", SafetyStockView.as_view(), name="safety-stock"),
    path("exposure/rules", RuleListView.as_view(), name="exposure-rule-list"),
    path("exposure/rules/<slug:key>", RuleView.as_view(), name="exposure-rule-detail"),
    path("exposure/listings", ListingListView.as_view(), name="listing-list"),
    path("exposure/pause", PauseView.as_view(), name="listing-pause"),
    path("exposure/holds", HoldListView.as_view(), name="exposure-hold-list"),
    path("exposure/holds/<int:pk>", HoldView.as_view(), name="exposure-hold-detail"),
    path("receipts", ReceiptListView.as_view(), name="receipt-list"),
    path("catalog/channels", ChannelListView.as_view(), name="channel-list"),
    path("catalog/item-nodes", ItemNodeListView.as_view(), name="item-node-list"),
]
