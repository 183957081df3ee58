"""`stories`: play story files against the running product."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors.simulators.server import running
from connectors.simulators.state import World
from inventory_control.core.actors import Actor
from inventory_control.core.errors import DomainError
from inventory_control.core.tenancy import in_public
from inventory_control.stories.runner import Runner
from inventory_control.stories.services import set_stage
from inventory_control.stories.values import Story, read_story
from tenants.models import Partner

OWN = Path(__file__).parents[2] / "scripts"


class Command(BaseCommand):
    """Each story gets a sandbox tenant of its own, or plays against yours with --host and --key."""

    help = "Play story files through the HTTP API; prints a line for each step."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which files, and against what."""
        parser.add_argument("folder", nargs="?", type=Path, default=OWN)
        parser.add_argument("--address", default="http://127.0.0.1:8000")
        parser.add_argument("--host", help="an existing sandbox tenant's host name")
        parser.add_argument("--key", action="append", default=[], metavar="NAME=KEY")

    def handle(self, *args: Any, **options: Any) -> None:
        """Play them all; the last line is one JSON object, an error ends with status 1."""
        files = sorted(options["folder"].glob("*.yaml"))
        if not files:
            raise CommandError(f"No story files (*.yaml) in {options['folder']}.")
        told = []
        for file in files:
            with running(World()) as simulator:
                try:
                    story = read_story(file.read_text(encoding="utf-8"), file.name)
                    runner = self._runner(story, options, simulator)
                except DomainError as error:
                    raise CommandError(error.detail) from error
                one = runner.play(story, self.stdout.write)
                self.stdout.write(
                    f"{story.key}: {one.passed} passed, {one.failed} failed, {one.waiting} waiting"
                )
                told.append(one)
        result = {
            "ok": all(one.is_ok for one in told),
            "stories": len(told),
            "steps_passed": sum(one.passed for one in told),
            "steps_failed": sum(one.failed for one in told),
            "steps_waiting": sum(one.waiting for one in told),
        }
        self.stdout.write(json.dumps(result, separators=(",", ":")))
        if not result["ok"]:
            raise SystemExit(1)

    @staticmethod
    def _runner(story: Story, options: dict[str, Any], simulator: str) -> Runner:
        if options["host"]:
            keys = dict(pair.partition("=")[::2] for pair in options["key"])
            return Runner(address=options["address"], host=options["host"], keys=keys)
        with in_public():
            partner = Partner.objects.order_by("slug").first()
        if partner is None:
            raise CommandError("There is no partner yet; run the demo's set-up first.")
        by = Actor.system("stories")
        stage = set_stage(story, partner=partner, simulator=simulator, by=by)
        return Runner(
            address=options["address"], host=stage.host, keys=stage.keys, simulator=simulator
        )
