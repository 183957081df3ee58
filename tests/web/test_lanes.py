"""Programs pass by what only a browser needs, and nobody else does."""

from __future__ import annotations

import pytest
from django.test import Client

from inventory_control.people.services import add_member
from tests.factories import event, item, node
from tests.http import SYSTEM, Api

HOST = {"Host": "alder.localhost"}


def test_a_program_gets_its_answer_without_a_browser_s_headers(tenant):
    item()
    node()
    api = Api("events.write")

    assert api.post("events", event("receipt.recorded", 1))[0] == 201

    headers = api.last.headers
    assert "Content-Security-Policy" not in headers
    assert "Set-Cookie" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Length"] == str(len(api.last.content))
    assert headers["X-Correlation-Id"]


@pytest.mark.parametrize("path", ["/exceptions/", "/login/"])
def test_a_key_shown_at_a_page_opens_no_shorter_way(tenant, path):
    api = Api("exceptions.read")

    answer = Client().get(path, headers={**HOST, "Authorization": f"Bearer {api.key}"})

    assert answer.status_code == (200 if path == "/login/" else 302)
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_a_session_still_needs_its_forgery_token_beside_a_header_that_is_no_key(tenant):
    add_member(
        username="ada", name="Ada", password="a-long-password", roles=[], kind="person", by=SYSTEM
    )
    browser = Client(enforce_csrf_checks=True)
    page = browser.get("/login/", headers=HOST)
    token = page.content.decode().split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    signed_in = browser.post(
        "/login/",
        {"username": "ada", "password": "a-long-password", "csrfmiddlewaretoken": token},
        headers=HOST,
    )
    assert signed_in.status_code == 302

    plain = browser.post(
        "/api/v1/dead-letters/1/discard", "{}", content_type="application/json", headers=HOST
    )
    basic = browser.post(
        "/api/v1/dead-letters/1/discard",
        "{}",
        content_type="application/json",
        headers={**HOST, "Authorization": "Basic YTpi"},
    )

    assert plain.status_code == 403
    assert basic.status_code in {401, 403}
