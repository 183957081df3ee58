"""Routes of the availability API."""

from __future__ import annotations

from django.urls import path

from inventory_control.availability.api.views import (
    AvailabilityView,
    ChannelListView,
    ItemNodeListView,
)

urlpatterns = [
    path("availability", AvailabilityView.as_view(), name="availability"),
    path("catalog/channels", ChannelListView.as_view(), name="channel-list"),
    path("catalog/item-nodes", ItemNodeListView.as_view(), name="item-node-list"),
]
