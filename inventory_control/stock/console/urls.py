"""Acts on dead letters; the page they stand on is the inbox's."""

from __future__ import annotations

from django.urls import path

from inventory_control.stock.console.views import (
    LetterReleaseView,
    LetterRetryView,
    LettersRetryView,
)

app_name = "letters"
urlpatterns = [
    path("retry/", LettersRetryView.as_view(), name="retry-all"),
    path("<int:pk>/retry/", LetterRetryView.as_view(), name="retry"),
    path("<int:pk>/release/", LetterReleaseView.as_view(), name="release"),
]
