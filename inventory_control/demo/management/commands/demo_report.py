"""`demo_report`: what a played tenant's database holds, as one JSON object."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inventory_control.core.tenancy import in_tenant
from inventory_control.demo.report import figures
from tenants.selectors import tenant_labelled


class Command(BaseCommand):
    """Counts; changes nothing."""

    help = "Print the figures of a played tenant as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which tenant."""
        parser.add_argument("--tenant", required=True, help="the tenant's label")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print them."""
        ref = tenant_labelled(options["tenant"])
        if ref is None:
            raise CommandError(f"No tenant is labelled {options['tenant']}.")
        with in_tenant(ref):
            self.stdout.write(json.dumps(figures(), separators=(",", ":")))
