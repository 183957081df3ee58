"""Routes of the ledger's API."""

from django.urls import path

from inventory_control.stock.api.views import EventBulkView, EventView, ReservationView

urlpatterns = [
    path("events", EventView.as_view(), name="event-list"),
    path("events/bulk", EventBulkView.as_view(), name="event-bulk"),
    path("reservations", ReservationView.as_view(), name="reservation-list"),
]
