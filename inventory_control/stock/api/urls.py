"""Routes of the ledger's API."""

from __future__ import annotations

from django.urls import path

from inventory_control.stock.api.letters import (
    LetterReleaseView,
    LetterRetryView,
    LettersRetryView,
)
from inventory_control.stock.api.reading import (
    CountView,
    LedgerView,
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
    path("items/<str:sku>/ledger", LedgerView.as_view(), name="item-ledger"),
    path("counts/<int:event_id>/settle", CountView.as_view(), name="count-settle"),
    path("dead-letters/<int:letter_id>/retry", LetterRetryView.as_view(), name="letter-retry"),
    path("dead-letters/retry", LettersRetryView.as_view(), name="letter-retry-all"),
    path(
        "dead-letters/<int:letter_id>/release", LetterReleaseView.as_view(), name="letter-release"
    ),
]
