"""Routes of the ledger's API."""

from __future__ import annotations

from django.urls import path

from inventory_control.stock.api.history import PastPositionsView
from inventory_control.stock.api.reading import (
    CountView,
    LedgerView,
    LetterRetryView,
    PositionsView,
    ReleaseView,
)
from inventory_control.stock.api.views import EventBulkView, EventView, ReservationView

urlpatterns = [
    path("events", EventView.as_view(), name="event-list"),
    path("events/bulk", EventBulkView.as_view(), name="event-bulk"),
    path("reservations", ReservationView.as_view(), name="reservation-list"),
    path("reservations/release", ReleaseView.as_view(), name="reservation-release"),
    path("items/<str:sku>/positions", PositionsView.as_view(), name="item-positions"),
    path("items/<str:sku>/positions/as-of", PastPositionsView.as_view(), name="item-as-of"),
    path("items/<str:sku>/ledger", LedgerView.as_view(), name="item-ledger"),
    path("counts/<int:event_id>/settle", CountView.as_view(), name="count-settle"),
    path("dead-letters/<int:letter_id>/retry", LetterRetryView.as_view(), name="letter-retry"),
]
