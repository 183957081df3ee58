"""Routes of the audit API."""

from __future__ import annotations

from django.urls import path

from inventory_control.audit.api.views import EntryListView, HeadListView, ProofView

urlpatterns = [
    path("audit/entries", EntryListView.as_view(), name="audit-entry-list"),
    path("audit/entries/<int:entry_id>/proof", ProofView.as_view(), name="audit-entry-proof"),
    path("audit/heads", HeadListView.as_view(), name="audit-head-list"),
]
