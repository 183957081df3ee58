"""Routes of the advice API."""

from __future__ import annotations

from django.urls import path

from ai_advice.api.views import AdviceView, CaseAdviceView, OverrideView

urlpatterns = [
    path("exceptions/<int:case_id>/advice", CaseAdviceView.as_view(), name="case-advice"),
    path("advice", AdviceView.as_view(), name="advice-list"),
    path("advice/<int:advice_id>/override", OverrideView.as_view(), name="advice-override"),
]
