"""While a source is silent channels hold back what policy says, and no longer."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from exceptions.models import ExceptionCase
from inventory_control.audit.models import AuditEntry
from inventory_control.availability.models import Availability, ChannelFallback
from inventory_control.availability.rules import raised_buffer
from inventory_control.availability.services import set_listings
from inventory_control.availability.values import FallbackTerms, ListingTerms
from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.events.services import put_sources
from inventory_control.pipeline import run_stage
from tests.factories import SYSTEM, channel, event, item, node, send
from tests.http import Api
from workflows.services import configure

START = datetime.fromisoformat("2026-05-04T09:00:00+00:00")


def minute(number: float) -> AbstractContextManager[None]:
    """Hold product time so many minutes after the start."""
    return clock.frozen_at(START + timedelta(minutes=number))


def look(*bodies: dict[str, Any]) -> None:
    """The till tells something, and the stages look."""
    send(*({"source": "till", **body} for body in bodies))
    for stage in ("timers", "availability", "sources", "availability", "detect"):
        run_stage(stage)


def shown() -> dict[str, int]:
    """What each channel should show."""
    return dict(Availability.objects.values_list("channel__code", "quantity"))


@pytest.fixture
def shop(tenant) -> None:
    """40 socks at S1, told by a till every 5 minutes; MK keeps 11 back. WEB draws on S2."""
    item()
    channel("MK", node(), buffer=11)
    channel("WEB", node("S2"), buffer=3)
    with minute(0):
        put_sources([{"code": "till", "expected_minutes": 5}], by=SYSTEM)
        look(
            event("stock.opened", 40, occurred_at=START),
            event("stock.opened", 7, node="S2", source="other", occurred_at=START),
        )


@pytest.mark.req("INT-27", "LED-06")
def test_a_silent_source_raises_the_buffers_of_its_channels_until_it_speaks(shop):
    with minute(5):
        look()
    assert shown() == {"MK": 29, "WEB": 4}

    with minute(20):
        look()
    assert shown() == {"MK": 26, "WEB": 4}  # a fifth of 11 is 2.2: 3 more
    fallback = ChannelFallback.objects.get()
    assert (fallback.channel.code, fallback.source, fallback.policy) == (
        "MK",
        "till",
        "stale_feed v1",
    )
    assert fallback.since == START + timedelta(minutes=20)
    assert ExceptionCase.objects.get(kind="stale_feed").status == "open"
    with minute(25):
        look()
    assert ChannelFallback.objects.get().since == START + timedelta(minutes=20)

    with minute(30):
        look(event("sale.recorded", 1, occurred_at=START))
    assert shown() == {"MK": 28, "WEB": 4}
    assert not ChannelFallback.objects.exists()
    assert ExceptionCase.objects.get(kind="stale_feed").status == "resolved"
    verbs = AuditEntry.objects.filter(verb__startswith="fallback.").order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == ["fallback.begun", "fallback.ended"]


@pytest.mark.req("INT-27")
@pytest.mark.parametrize(
    ("terms", "figure"),
    [
        ({"action": "flag"}, 29),
        ({"action": "hold"}, 0),
        ({"action": "buffer", "share": 1.0}, 18),
        ({"action": "buffer", "share": 0.2, "units": 9}, 20),
    ],
)
def test_policy_says_by_source_what_channels_do(shop, terms, figure):
    value = {"default": {"action": "flag"}, "sources": {"till": terms}}
    with minute(1):
        configure(key="stale_feed", value=value, by=SYSTEM)

    with minute(20):
        look()

    assert shown() == {"MK": figure, "WEB": 4}
    _, found = Api("stock.read").get("availability/breakdown?item=SOCK&channel=MK")
    assert found["quantity"] == sum(term["quantity"] for term in found["terms"]) == figure
    told = [(one["source"], one["action"], one["policy"]) for one in found["fallbacks"]]
    asked = [] if terms["action"] == "flag" else [("till", terms["action"], "stale_feed v2")]
    assert told == asked


@pytest.mark.req("INT-27")
def test_a_buffer_of_one_listing_is_raised_like_that_of_its_channel(shop):
    set_listings([ListingTerms("SOCK", "MK", buffer=20)], by=SYSTEM)

    with minute(20):
        look()

    assert shown()["MK"] == 16


@pytest.mark.req("INT-27")
def test_of_several_silences_the_strictest_counts():
    fifth, units = FallbackTerms("buffer", Decimal("0.2")), FallbackTerms("buffer", units=3)

    assert raised_buffer(10, []) == 10
    assert raised_buffer(10, [fifth]) == 12
    assert raised_buffer(10, [fifth, units, FallbackTerms("hold")]) == 13
    assert raised_buffer(0, [fifth]) == 0


@pytest.mark.req("INT-27")
@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"default": {"action": "flag"}}, "sources"),
        ({"sources": {}}, "default"),
        ({"default": {"action": "pray"}, "sources": {}}, "default"),
        ({"default": {"action": "flag"}, "sources": {"till": {"action": "x"}}}, "sources.till"),
        ({"default": {"action": "buffer", "share": -1}, "sources": {}}, "share"),
        ({"default": {"action": "buffer", "units": 1.5}, "sources": {}}, "units"),
        ({"default": {"action": "flag"}, "sources": {}, "nodes": {}}, "nodes"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_with_the_field(tenant, value, field):
    with pytest.raises(Refused) as refused:
        configure(key="stale_feed", value=value, by=SYSTEM)

    assert refused.value.field == field
