"""Routes of the reconciliation API."""

from __future__ import annotations

from django.urls import path

from inventory_control.reconciliation.api.totals import (
    ControlTotalListView,
    OutboundTotalsView,
    SnapshotView,
)
from inventory_control.reconciliation.api.views import (
    ComparisonListView,
    ComparisonView,
    DiscrepancyListView,
    DiscrepancyView,
    DriftView,
    EffortListView,
    PictureView,
    RemedyDecideView,
    RemedyListView,
    SignOffListView,
)

urlpatterns = [
    path("reconciliation/runs", ComparisonListView.as_view(), name="comparison-list"),
    path("reconciliation/runs/<int:pk>", ComparisonView.as_view(), name="comparison"),
    path("reconciliation/discrepancies", DiscrepancyListView.as_view(), name="discrepancy-list"),
    path("reconciliation/discrepancies/<int:pk>", DiscrepancyView.as_view(), name="discrepancy"),
    path(
        "reconciliation/discrepancies/<int:pk>/remedies",
        RemedyListView.as_view(),
        name="discrepancy-remedies",
    ),
    path(
        "reconciliation/discrepancies/<int:pk>/efforts",
        EffortListView.as_view(),
        name="discrepancy-efforts",
    ),
    path(
        "reconciliation/remedies/<int:pk>/decide",
        RemedyDecideView.as_view(),
        name="remedy-decide",
    ),
    path("reconciliation/drift", DriftView.as_view(), name="drift"),
    path("reconciliation/positions/<str:sku>", PictureView.as_view(), name="picture"),
    path("reconciliation/sign-offs", SignOffListView.as_view(), name="sign-off-list"),
    path(
        "reconciliation/control-totals", ControlTotalListView.as_view(), name="control-total-list"
    ),
    path("reconciliation/outbound-totals", OutboundTotalsView.as_view(), name="outbound-totals"),
    path("reconciliation/snapshots", SnapshotView.as_view(), name="snapshot"),
]
