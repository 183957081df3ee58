"""Programs pass by what only a browser needs, and nobody else does."""

from __future__ import annotations

import gc
import json
import os
from io import BytesIO
from wsgiref.util import setup_testing_defaults

import httpx
import msgspec
import psycopg
import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection
from django.http import HttpResponse
from django.test import Client

from inventory_control.lanes import ShortLane
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


def lane(events: list[str]) -> ShortLane:
    """A short lane that notes what goes the general way, and reads its body."""

    def general(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        events.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {len(body)}")
        start_response("204 No Content", [])
        return [b""]

    return ShortLane(general)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/api/v1/events", {}),
        ("POST", "/api/v1/events", {"Idempotency-Key": "k"}),
        ("POST", "/api/v1/events", {"Authorization": "Basic YTpi"}),
        ("POST", "/api/v1/events/bulk", {}),
        ("POST", "/api/v1/reservations", {"X-Many": "lines"}),
        ("GET", "/exceptions/", {}),
    ],
)
def test_what_is_not_answered_at_once_goes_the_general_way_with_its_body(
    committed, method, path, headers
):
    api, seen = Api("events.write", "stock.reserve"), []
    lines = [{"line": str(n), "item": "SOCK", "node": "S1", "quantity": 1} for n in range(101)]
    body = msgspec.json.encode({"order": "O", "lines": lines})
    client = httpx.Client(transport=httpx.WSGITransport(app=lane(seen)))
    sent = {"Authorization": f"Bearer {api.key}", **headers}

    answer = client.request(method, f"http://alder.localhost{path}", content=body, headers=sent)

    assert answer.status_code == 204
    assert seen == [f"{method} {path} {len(body)}"]


@pytest.mark.parametrize(
    ("host", "status", "general"),
    [("alder.localhost", 422, 0), ("nobody.localhost", 204, 1), ("partner.localhost", 204, 1)],
)
def test_the_lane_leads_into_a_tenant_s_house_only(committed, host, status, general):
    api, seen = Api("events.write"), []
    client = httpx.Client(transport=httpx.WSGITransport(app=lane(seen)))

    answer = client.post(
        f"http://{host}/api/v1/events",
        content=b"{}",
        headers={"Authorization": f"Bearer {api.key}"},
    )

    assert (answer.status_code, len(seen)) == (status, general)


def test_the_lane_secures_observes_and_times_its_answers_as_the_general_way_does(committed, capsys):
    api, seen = Api("stock.read"), []
    item()
    node()
    sent = {"Authorization": f"Bearer {api.key}", "X-Correlation-Id": "till-7-0001"}
    asked = "http://alder.localhost/api/v1/availability?item=SOCK&node=S1"
    client = httpx.Client(transport=httpx.WSGITransport(app=lane(seen)))

    at_once = client.get(asked, headers=sent)
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    general = Client().get(asked, headers=HOST | sent)
    other = json.loads(capsys.readouterr().out.splitlines()[-1])

    assert (at_once.status_code, seen) == (200, [])
    names = {name.lower(): value for name, value in general.headers.items()}
    del names["allow"]  # what DRF says of a resource
    assert dict(at_once.headers) == names
    assert line["milliseconds"] > 0
    for volatile in ("milliseconds", "timestamp"):
        del line[volatile], other[volatile]
    assert line == other
    assert line == {
        "event": "request.answered",
        "tenant": "alder",
        "method": "GET",
        "view": "availability",
        "status": 200,
        "correlation_id": "till-7-0001",
        "level": "info",
    }


def test_a_request_that_belongs_on_https_goes_the_general_way(committed, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 3_600
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    api, seen = Api("events.write"), []
    client = httpx.Client(transport=httpx.WSGITransport(app=lane(seen)))
    sent = {"Authorization": f"Bearer {api.key}"}

    plain = client.post("http://alder.localhost/api/v1/events", content=b"{}", headers=sent)
    secure = client.post(
        "http://alder.localhost/api/v1/events",
        content=b"{}",
        headers=sent | {"X-Forwarded-Proto": "https"},
    )

    assert (plain.status_code, len(seen)) == (204, 1)
    assert (secure.status_code, len(seen)) == (422, 1)
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=3600")


def test_a_fault_in_the_lane_is_a_500_that_shows_nothing(committed, monkeypatch):
    api = Api("events.write")

    def break_down(*_arguments):
        raise RuntimeError("the inside of the house")

    monkeypatch.setattr("inventory_control.stock.api.views.post_presented", break_down)
    status, _ = api.post("events", event("receipt.recorded", 1))

    assert status == 500
    assert b"inside of the house" not in api.last.content


def end_sessions() -> int:
    """End every session of the application from outside, as a restart of the server does."""
    with psycopg.connect(os.environ["DATABASE_SUPERUSER_URL"], autocommit=True) as session:
        ended = session.execute(
            """
            SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = 'ic_app'
            """
        ).fetchall()
    return len(ended)


def test_a_server_that_came_back_meanwhile_is_no_fault_of_the_next_call(committed):
    item()
    node()
    api = Api("events.write", "stock.read")
    assert api.post("events", event("receipt.recorded", 5))[0] == 201
    place = "availability?item=SOCK&node=S1"
    assert api.get(place)[0] == 200

    assert end_sessions() >= 2
    posted = api.post("events", event("receipt.recorded", 7))
    assert end_sessions() >= 1
    told = api.get(place)

    assert posted[0] == 201
    assert (told[0], told[1]["nodes"][0]["ats"]) == (200, 12)


def told_to_come_again(api: Api) -> None:
    """The last answer says that the database is away, and that sending again is safe."""
    assert api.last.status_code == 503
    assert api.last.headers["Retry-After"] == "2"
    body = api.last.json()
    assert body["code"] == "unavailable"
    assert "not saved twice" in body["detail"]


def gone(*_arguments: object) -> None:
    """The server ends all sessions while a request has one in its hands."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert end_sessions() >= 1
        cursor.execute("SELECT 2")


@pytest.mark.req("INT-13")
@pytest.mark.parametrize(
    ("method", "path", "step"),
    [
        ("POST", "events", "inventory_control.stock.api.views.post_presented"),
        ("GET", "exceptions", "inventory_control.web.views.ApiView.refuse_large"),
    ],
)
def test_a_server_that_goes_in_the_middle_of_a_call_is_away_and_no_fault(
    committed, monkeypatch, method, path, step
):
    item()
    node()
    api = Api("events.write", "exceptions.read")

    with monkeypatch.context() as broken:
        broken.setattr(step, gone)
        api.call(method, path, event("receipt.recorded", 5) if method == "POST" else None)
    close_old_connections()  # as the server does behind every request

    assert api.last.status_code == 503
    assert api.last.headers["Retry-After"] == "2"
    assert api.last.json()["code"] == "unavailable"
    assert "not saved twice" in api.last.json()["detail"]
    assert api.post("events", event("receipt.recorded", 5))[0] == 201


def test_a_page_says_that_it_is_not_available_while_the_database_is_away(committed, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr("django.contrib.auth.views.LoginView.get_context_data", gone)
        answer = Client(raise_request_exception=False).get("/login/", headers=HOST)
    close_old_connections()

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "Not available right now" in answer.content.decode()


def test_a_session_that_was_ended_is_given_up_between_requests(committed):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert end_sessions() >= 1

    close_old_connections()

    with connection.cursor() as cursor:
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)


def test_what_was_sent_and_answered_leaves_with_the_call(committed):
    """The collector comes after hundreds of batches; until then every batch would lie in memory."""
    item()
    node()
    api, application = Api("events.write", "exceptions.read"), get_wsgi_application()
    sent = b"\n".join(msgspec.json.encode(event("receipt.recorded", 1)) for _ in range(500))
    gc.collect()
    gc.disable()
    try:
        before = kept()
        answered = [
            called(application, "POST", "/api/v1/events/bulk", api.key, sent),
            called(application, "GET", "/api/v1/exceptions", api.key, b""),
        ]
        left = [one for one in kept() if one not in before]
    finally:
        gc.enable()

    assert answered == ["200 OK", "200 OK"]
    assert [one for one in left if isinstance(one, HttpResponse)] == []
    assert [one for one in left if {"_body", "_stream"} & vars(one).keys()] == []


def called(application, method: str, path: str, key: str, body: bytes) -> str:
    """The status of a call whose answer was read and closed, as a server does."""
    said: list[str] = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_HOST": "alder.localhost",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "CONTENT_TYPE": "application/x-ndjson",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    setup_testing_defaults(environ)
    answer = application(environ, lambda status, _headers, _fault=None: said.append(status))
    assert b"".join(answer)
    answer.close()
    return said[0]


def kept() -> list[object]:
    """The requests and answers in memory, by type: to ask a weak proxy for its class may raise."""
    whole = (HttpResponse, WSGIRequest)
    return [one for one in gc.get_objects() if issubclass(type(one), whole)]
