"""Routes of the exceptions API."""

from __future__ import annotations

from django.urls import path

from exceptions.api.views import (
    AcknowledgeView,
    AssignView,
    BulkAssignView,
    CaseListView,
    CaseView,
    DismissView,
    NoteView,
    ReopenView,
    ResolveView,
)

urlpatterns = [
    path("exceptions", CaseListView.as_view(), name="exception-list"),
    path("exceptions/bulk-assign", BulkAssignView.as_view(), name="exception-bulk-assign"),
    path("exceptions/<int:pk>", CaseView.as_view(), name="exception-page"),
    path(
        "exceptions/<int:pk>/acknowledge", AcknowledgeView.as_view(), name="exception-acknowledge"
    ),
    path("exceptions/<int:pk>/assign", AssignView.as_view(), name="exception-assign"),
    path("exceptions/<int:pk>/resolve", ResolveView.as_view(), name="exception-resolve"),
    path("exceptions/<int:pk>/dismiss", DismissView.as_view(), name="exception-dismiss"),
    path("exceptions/<int:pk>/reopen", ReopenView.as_view(), name="exception-reopen"),
    path("exceptions/<int:pk>/notes", NoteView.as_view(), name="exception-notes"),
]
