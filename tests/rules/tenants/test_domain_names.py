"""A domain has one spelling, so that two tenants can never own the same host."""

from __future__ import annotations

import pytest

from tenants.rules import DomainNameRefusedError, normalise_domain


@pytest.mark.req("TEN-03")
@pytest.mark.parametrize(
    "written",
    ["ta.test", "TA.test", "ta.test.", "ta.test:8000", " ta.test", "TA.TEST.:443\n", "ta。test"],
)
def test_every_way_to_write_a_host_becomes_one(written: str) -> None:
    assert normalise_domain(written) == "ta.test"


@pytest.mark.req("TEN-03")
@pytest.mark.parametrize(
    ("written", "ascii_form"),
    [
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("localhost", "localhost"),
        ("www.ta.test", "www.ta.test"),
    ],
    ids=["umlaut", "already ascii", "sharp s is not ss", "one label", "www is a name of its own"],
)
def test_names_are_stored_as_browsers_send_them(written: str, ascii_form: str) -> None:
    assert normalise_domain(written) == ascii_form
    assert normalise_domain(ascii_form) == ascii_form


@pytest.mark.req("TEN-03")
@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("stock_desk.test", "A domain cannot contain an underscore"),
        ("127.0.0.1", "An IP address is not a domain"),
        ("127.0.0.1:8000", "An IP address is not a domain"),
        ("127。0。0。1", "An IP address is not a domain"),
        ("2130706433", "An IP address is not a domain"),
        ("0x7f.1", "An IP address is not a domain"),
        ("ta.0x7f", "An IP address is not a domain"),
        ("[::1]", "An IP address is not a domain"),
        ("[::1]:8000", "An IP address is not a domain"),
        ("fe80::1", "An IP address is not a domain"),
        ("ta.test:", "After the colon only a port number may stand"),
        ("ta.test:web", "After the colon only a port number may stand"),
        ("https://ta.test", "After the colon only a port number may stand"),
        ("", "Give a host name such as stock.example.com"),
        (" ", "Give a host name such as stock.example.com"),
        (".", "Give a host name such as stock.example.com"),
        ("ta.test..", "Give a host name such as stock.example.com"),
        ("ta..test", "Give a host name such as stock.example.com"),
        ("ta test", "Give a host name such as stock.example.com"),
        ("ta.test/desk", "Give a host name such as stock.example.com"),
        ("desk@ta.test", "Give a host name such as stock.example.com"),
        ("*.ta.test", "Give a host name such as stock.example.com"),
        ("-ta.test", "Give a host name such as stock.example.com"),
        ("ta.test\x00", "Give a host name such as stock.example.com"),
        ("a" * 64 + ".test", "Give a host name such as stock.example.com"),
        (".".join(["a" * 60] * 5), "Give a host name such as stock.example.com"),
        ("\N{SOFT HYPHEN}", "Give a host name such as stock.example.com"),
    ],
)
def test_what_is_not_a_host_name_is_refused_with_the_reason(written: str, reason: str) -> None:
    with pytest.raises(DomainNameRefusedError) as refusal:
        normalise_domain(written)

    assert refusal.value.field == "domain"
    assert refusal.value.detail.startswith(reason)
