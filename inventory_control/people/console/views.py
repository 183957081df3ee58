"""Signing in and out, and how a member likes the console to look."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View

from inventory_control.people.console.forms import SignInForm
from inventory_control.people.models import User
from inventory_control.people.services import set_appearance

HOME = "/"


class SignInView(LoginView):
    """The door of a house: its brand, a name, a password."""

    template_name = "people/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class SignOutView(LogoutView):
    """Ends the session and returns to the door."""

    next_page = "people:login"


class AppearanceView(View):
    """Theme, density or contrast, one at a time."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep the choice: 204 for htmx, otherwise back to where the member was."""
        if not isinstance(request.user, User):
            return HttpResponseRedirect(HOME)
        set_appearance(user=request.user, chosen=request.POST.dict())
        if getattr(request, "htmx", False):
            return HttpResponse(status=204)
        target = request.POST.get("next", HOME)
        is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()})
        return HttpResponseRedirect(target if is_ours else HOME)
