"""Pages of sources: who answers for one, and saying so."""

from __future__ import annotations

import pytest

from exceptions.services import watch_sources
from inventory_control.audit.selectors import timeline_of
from inventory_control.events.models import Source
from inventory_control.events.services import put_sources
from tests.console.test_pages import sign_in
from tests.factories import SYSTEM, event, item, node, outcomes

HTMX = {"HX-Request": "true"}


@pytest.fixture
def where(tenant) -> str:
    """The page of the source `pos`, which sold one SOCK."""
    item()
    node()
    outcomes(event("sale.recorded", 1))
    watch_sources(by=SYSTEM)
    return f"/sources/{Source.objects.get(code='pos').pk}/"


@pytest.mark.req("EVT-04", "LED-27")
def test_an_administrator_names_the_owner_and_the_page_says_who_did(where: str):
    client = sign_in("admin")
    assert b"Nobody has said anything of it yet." in client.get(where).content

    saved = client.post(
        f"{where}change/", {"owner": "Tills, Mara", "expected_minutes": "30"}, headers=HTMX
    )
    client.post(f"{where}change/", {"owner": "Tills, Mara", "expected_minutes": ""})

    source = Source.objects.get(code="pos")
    assert (saved.status_code, saved["HX-Redirect"]) == (204, where)
    assert (source.owner, source.expected_minutes) == ("Tills, Mara", None)
    page = client.get(where).content.decode()
    assert page.count("<td>Ada Lovelace</td><td>Tills, Mara</td>") == 2
    assert (page.count("<td>30 min</td>"), page.count("<td>no interval</td>")) == (1, 1)


@pytest.mark.req("EVT-04")
def test_what_was_said_of_many_at_once_is_on_the_page_of_each(where: str):
    put_sources([{"code": "pos", "owner": "Tills"}, {"code": "wms", "owner": "Docks"}], by=SYSTEM)

    (entry,) = timeline_of(("source", "pos"))

    assert (entry.verb, entry.data["owner"]) == ("source.changed", "Tills")
    assert b"<td>tests</td><td>Tills</td>" in sign_in("auditor").get(where).content


@pytest.mark.req("EVT-04")
@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"owner": "x" * 121}, b"120"),
        ({"owner": "Tills", "expected_minutes": "soon"}, b"Minutes are a whole number"),
        ({"owner": "Tills", "expected_minutes": "0"}, b"expected_minutes"),
    ],
)
def test_what_does_not_fit_is_refused_and_what_was_typed_stays(
    where: str, said: dict[str, str], refusal: bytes
):
    answer = sign_in("admin").post(f"{where}change/", said, headers=HTMX)

    assert (answer.status_code, refusal in answer.content) == (422, True)
    assert said["owner"].encode() in answer.content
    assert Source.objects.get(code="pos").owner == ""


@pytest.mark.req("EVT-04")
def test_a_reader_sees_no_button_and_may_not_change(where: str):
    client = sign_in("auditor")

    assert b'data-open="answers"' not in client.get(where).content
    assert client.post(f"{where}change/", {"owner": "Me"}).status_code == 403
    assert client.post("/sources/0/change/", {"owner": "Me"}).status_code == 403
    assert sign_in("admin", name="eve").post("/sources/0/change/", {}).status_code == 404
