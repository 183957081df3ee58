"""Forms of people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from inventory_control.people.selectors import is_throttled
from inventory_control.people.services import note_failed_sign_in


class SignInForm(AuthenticationForm):
    """Name and password. The refusal never says which half was wrong, nor that nobody is there.

    After ten failures within a quarter of an hour a name rests, right password or not.
    """

    error_messages = {
        "invalid_login": "This name and password do not go together.",
        "inactive": "This name and password do not go together.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "Name"
        self.fields["username"].widget.attrs["autocomplete"] = "username"
        self.fields["password"].widget.attrs["autocomplete"] = "current-password"

    def clean(self) -> dict[str, Any]:
        """Throttle first, then ask whether they go together."""
        username = str(self.cleaned_data.get("username", ""))
        if is_throttled(username):
            raise forms.ValidationError(
                "Too many failed sign-ins. Try again in a quarter of an hour."
            )
        try:
            return super().clean()
        except forms.ValidationError:
            address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
            note_failed_sign_in(username=username, address=address)
            raise
