"""Routes of the events API; posting lives in the ledger's."""

from __future__ import annotations

from django.urls import path

from inventory_control.events.api.sources import (
    FreshnessView,
    SourceDetailView,
    SourceEventListView,
    SourceListView,
)
from inventory_control.events.api.views import (
    DeadLetterDiscardView,
    DeadLetterListView,
    DeadLetterView,
)
from inventory_control.events.api.work import DeadWorkRetryView, DeadWorkView

urlpatterns = [
    path("dead-letters", DeadLetterListView.as_view(), name="dead-letter-list"),
    path("dead-letters/<int:letter_id>", DeadLetterView.as_view(), name="dead-letter"),
    path(
        "dead-letters/<int:letter_id>/discard",
        DeadLetterDiscardView.as_view(),
        name="dead-letter-discard",
    ),
    path("event-work", DeadWorkView.as_view(), name="dead-work-list"),
    path("event-work/retry", DeadWorkRetryView.as_view(), name="dead-work-retry"),
    path("sources", SourceListView.as_view(), name="source-list"),
    path("sources/<str:code>/events", SourceEventListView.as_view(), name="source-events"),
    path("sources/<str:code>", SourceDetailView.as_view(), name="source-detail"),
    path("freshness", FreshnessView.as_view(), name="freshness"),
]
