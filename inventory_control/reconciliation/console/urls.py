"""Pages of reconciliation."""

from __future__ import annotations

from django.urls import path

from inventory_control.reconciliation.console.views import (
    CompareView,
    DiscrepancyDetailView,
    OverviewView,
    PictureView,
    RemedyDecideView,
    SettleView,
    SignOffView,
)

app_name = "reconciliation"
urlpatterns = [
    path("", OverviewView.as_view(), name="overview"),
    path("run/", CompareView.as_view(), name="run"),
    path("sign-off/", SignOffView.as_view(), name="sign-off"),
    path("discrepancies/<int:pk>/", DiscrepancyDetailView.as_view(), name="discrepancy-detail"),
    path("discrepancies/<int:pk>/settle/", SettleView.as_view(), name="discrepancy-settle"),
    path("remedies/<int:pk>/decide/", RemedyDecideView.as_view(), name="remedy-decide"),
    path("items/<str:sku>/", PictureView.as_view(), name="item-picture"),
]
