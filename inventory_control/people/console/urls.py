"""Pages of people."""

from __future__ import annotations

from django.urls import path

from inventory_control.people.console.views import AppearanceView, SignInView, SignOutView

app_name = "people"
urlpatterns = [
    path("login/", SignInView.as_view(), name="login"),
    path("logout/", SignOutView.as_view(), name="logout"),
    path("appearance/", AppearanceView.as_view(), name="appearance"),
]
