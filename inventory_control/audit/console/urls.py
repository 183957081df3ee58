"""Pages of audit."""

from __future__ import annotations

from django.urls import path

from inventory_control.audit.console.views import EntryListView, EntryProofView

app_name = "audit"
urlpatterns = [
    path("", EntryListView.as_view(), name="entry-list"),
    path("<int:entry_id>/", EntryProofView.as_view(), name="entry-proof"),
]
