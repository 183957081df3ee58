"""Routes of the ledger's API."""

from __future__ import annotations

from django.urls import path

from inventory_control.stock.api.claims import (
    ClaimView,
    ConfirmView,
    HoldLiftView,
    HoldListView,
)
from inventory_control.stock.api.history import PastPositionsView
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
from inventory_control.stock.api.series import ItemSeriesView
from inventory_control.stock.api.views import (
    EventBulkView,
    EventView,
    ReservationCheckView,
    ReservationView,
)

urlpatterns = [
    path("events", EventView.as_view(), name="event-list"),
    path("events/bulk", EventBulkView.as_view(), name="event-bulk"),
    path("reservations", ReservationView.as_view(), name="reservation-list"),
    path("reservations/check", ReservationCheckView.as_view(), name="reservation-check"),
    path("reservations/confirm", ConfirmView.as_view(), name="reservation-confirm"),
    path("reservations/release", ReleaseView.as_view(), name="reservation-release"),
    path("reservations/<str:order>/<str:line>", ClaimView.as_view(), name="reservation"),
    path("holds", HoldListView.as_view(), name="hold-list"),
    path("holds/<int:hold_id>/lift", HoldLiftView.as_view(), name="hold-lift"),
    path("items/<str:sku>/positions", PositionsView.as_view(), name="item-positions"),
    path("items/<str:sku>/positions/as-of", PastPositionsView.as_view(), name="item-as-of"),
    path("items/<str:sku>/ledger", LedgerView.as_view(), name="item-ledger"),
    path("items/<str:sku>/series", ItemSeriesView.as_view(), name="item-series"),
    path("counts/<int:event_id>/settle", CountView.as_view(), name="count-settle"),
    path("dead-letters/<int:letter_id>/retry", LetterRetryView.as_view(), name="letter-retry"),
    path("dead-letters/retry", LettersRetryView.as_view(), name="letter-retry-all"),
    path(
        "dead-letters/<int:letter_id>/release", LetterReleaseView.as_view(), name="letter-release"
    ),
]
