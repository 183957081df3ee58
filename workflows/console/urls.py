"""Pages of workflows."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "workflows"
urlpatterns: list[URLPattern] = []
