"""The shipped stories, played through the whole product in one process: the loop end to end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.db import connections

import inventory_control.stories as stories
from connectors.simulators.server import running
from connectors.simulators.state import World
from inventory_control import pipeline, sandbox
from inventory_control.core.tenancy import in_public
from inventory_control.stories.runner import Runner
from inventory_control.stories.services import set_stage
from inventory_control.stories.values import read_story
from inventory_control.wsgi import application
from tenants.models import Partner
from tests.factories import SYSTEM

SCRIPTS = sorted((Path(stories.__file__).parent / "scripts").glob("*.yaml"))


class InProcess(httpx.WSGITransport):
    """The product itself behind the client; whatever thread asks closes its session again."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = super().handle_request(request)
            response.read()
            return response
        finally:
            connections.close_all()


@pytest.fixture
def stage_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of a bell each due stage runs at once, in the order of the pipeline."""

    def run_all() -> None:
        for name in pipeline.unsettled():
            pipeline.run_stage(name)

    monkeypatch.setattr(sandbox, "ring_all", run_all)
    monkeypatch.setattr(sandbox, "_RING_EVERY_S", 0.0)
    monkeypatch.setattr(sandbox, "PATIENCE_S", 20.0)


@pytest.fixture
def partner(house, django_db_blocker) -> Iterator[Partner]:
    """The partner whose sandboxes the stories are played in."""
    with django_db_blocker.unblock():
        with in_public():
            owner = Partner.objects.get()
        yield owner
        connections.close_all()


@pytest.mark.req("EVT-10", "WFL-01", "APR-01", "AI-02")
@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
def test_the_story_goes_as_it_is_told(file: Path, partner: Partner, stage_workers: None):
    story = read_story(file.read_text(), file.name)
    with running(World()) as simulator:
        stage = set_stage(story, partner=partner, simulator=simulator, by=SYSTEM)
        runner = Runner(
            address=f"http://{stage.host}",
            keys=stage.keys,
            transport=InProcess(app=application, raise_app_exceptions=True),
            simulator=simulator,
        )

        told = runner.play(story, lambda _line: None)

    assert told.failed == 0, "\n".join(told.lines)
    assert told.passed + told.waiting == len(story.steps) + 1
    assert told.lines[-1].startswith(f"{story.key}.again ok")
