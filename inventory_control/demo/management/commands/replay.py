"""`replay`: play a CSV with the columns of Online Retail, or the generated retailer, by API."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inventory_control.core.errors import DomainError
from inventory_control.demo import people
from inventory_control.demo.playing import LIVE_FROM, cast_of, load_script
from inventory_control.demo.replay import Journal, Player


class Command(BaseCommand):
    """Talks to a running product over HTTP and needs no database of its own."""

    help = "Send a file as events, in event time, through the HTTP API of a running product."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to play, and against which sandbox."""
        parser.add_argument("--file", type=Path, help="without it the generated retailer")
        parser.add_argument("--live-from", type=date.fromisoformat, default=LIVE_FROM)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--address", default="http://127.0.0.1:8000")
        parser.add_argument("--tenant", required=True, help="label of a sandbox tenant")
        parser.add_argument("--people", type=Path, required=True, help="file of the API keys")
        parser.add_argument("--journal", type=Path, required=True, help="what was granted when")
        parser.add_argument("--simulator", default="", help="address of the simulated systems")

    def handle(self, *args: Any, **options: Any) -> None:
        """Play it; the last line says how the product answered. Refuses before anything is sent."""
        try:
            script = load_script(
                options["file"], live_from=options["live_from"], seed=options["seed"]
            )
            cast = cast_of(
                options["address"],
                options["tenant"],
                people.Keys.read(options["people"]),
                options["simulator"],
            )
            journal = Journal(options["journal"], script.digest)
            played = Player(script, cast, journal, say=self.stdout.write).play()
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(
            json.dumps(
                {
                    "ok": True,
                    "rows": script.rows,
                    **played.outcomes,
                    "decided": dict(played.decided),
                    "seconds": round(played.seconds, 2),
                },
                separators=(",", ":"),
            )
        )
