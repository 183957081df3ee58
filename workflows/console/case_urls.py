"""Pages of exceptions."""

from __future__ import annotations

from django.urls import path

from workflows.console.case import CaseActView, CaseDetailView
from workflows.console.queue import CaseBulkView, CaseCountView, CaseListView

app_name = "exceptions"
urlpatterns = [
    path("", CaseListView.as_view(), name="case-list"),
    path("count/", CaseCountView.as_view(), name="case-count"),
    path("bulk/", CaseBulkView.as_view(), name="case-bulk"),
    path("<int:pk>/", CaseDetailView.as_view(), name="case-detail"),
    path("<int:pk>/<slug:act>/", CaseActView.as_view(), name="case-act"),
]
