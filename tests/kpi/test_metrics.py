"""The metrics page: how far behind each tenant is at the scrape."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from inventory_control.audit.services import record
from inventory_control.core import clock
from inventory_control.core.tenancy import in_tenant
from inventory_control.events.models import InboundMessage
from inventory_control.pipeline import run_stage
from tests.factories import SYSTEM, event, item, node, send

_SAMPLE = re.compile(r"^(?P<name>ic_\w+)\{(?P<labels>[^}]*)\} (?P<value>\S+)$", re.MULTILINE)


def scrape() -> dict[tuple[str, str], float]:
    """The samples of tenant alder by name and stage."""
    answer = Client().get("/metrics", headers={"Host": "alder.localhost"})
    assert answer.status_code == 200
    samples = {}
    for found in _SAMPLE.finditer(answer.content.decode()):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', found["labels"]))
        if labels.get("tenant") == "alder":
            samples[found["name"], labels.get("stage", "")] = float(found["value"])
    return samples


@pytest.mark.req("OBS-03")
def test_a_message_that_waits_shows_as_lag_and_depth(committed):
    received_at = clock.now() - timedelta(seconds=90)
    InboundMessage.objects.create(
        connector="erp", delivery_id="d1", received_at=received_at, body=b"{}"
    )

    seen = scrape()

    assert seen["ic_queue_depth", "intake"] == 1
    assert 90 <= seen["ic_event_lag_seconds", ""] < 150
    assert seen["ic_event_lag_seconds", ""] == seen["ic_oldest_due_seconds", "intake"]


@pytest.mark.req("OBS-03")
def test_each_stage_shows_what_it_has_to_do_until_it_did_it(committed):
    item()
    node()
    send(event("receipt.recorded", 5))
    waiting = scrape()["ic_queue_depth", "availability"]

    run_stage("availability")

    after = scrape()
    assert (waiting, after["ic_queue_depth", "availability"]) == (1, 0)
    assert after["ic_queue_depth", "detect"] == 1


@pytest.mark.req("OBS-03", "GOV-01")
def test_an_entry_that_is_not_sealed_shows_its_age(committed):
    with in_tenant(committed):
        record("test.happened", subject=("test", "1"), by=SYSTEM, data={})

    assert 0 < scrape()["ic_oldest_unsealed_seconds", ""] < 60


@pytest.mark.req("OBS-03")
def test_another_machine_needs_the_token(committed, settings):
    far = {"REMOTE_ADDR": "192.0.2.7"}
    host = {"Host": "alder.localhost"}

    without = Client(**far).get("/metrics", headers=host)
    settings.METRICS_TOKEN = "s3cret"
    wrong = Client(**far).get("/metrics", headers={**host, "Authorization": "Bearer s3cre"})

    assert (without.status_code, wrong.status_code) == (403, 403)
