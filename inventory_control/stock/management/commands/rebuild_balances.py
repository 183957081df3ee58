"""`rebuild_balances`: compare balances with the ledger they are derived from."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inventory_control.core.actors import Actor
from inventory_control.core.tenancy import in_tenant
from inventory_control.stock.services import rebuild_balances
from tenants.selectors import open_tenants, tenant_labelled


class Command(BaseCommand):
    """Exits with an error when a difference was found, repaired or not."""

    help = "Derive every balance from the ledger again and compare; --repair writes them back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One tenant or all, and whether to repair."""
        parser.add_argument("--tenant", help="a tenant's label; all open ones without it")
        parser.add_argument("--repair", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line per tenant, and one per figure that differs."""
        label = options["tenant"]
        found = tenant_labelled(label) if label else None
        if label and found is None:
            raise CommandError(f"No tenant is labelled {label}.")
        differences = 0
        for tenant in [found] if found else open_tenants():
            started = time.perf_counter()
            with in_tenant(tenant):
                rebuilt = rebuild_balances(by=Actor.system("rebuild"), repair=options["repair"])
            differences += rebuilt.difference + rebuilt.ledger_sum
            self.stdout.write(
                f"{tenant.label}: {rebuilt.rows} balances, difference {rebuilt.difference}, "
                f"ledger sum {rebuilt.ledger_sum}, in {time.perf_counter() - started:.2f} s"
            )
            for one in rebuilt.places:
                self.stdout.write(
                    f"  {one.sku} at {one.node}: {one.figure} is {one.found}, not {one.right}"
                )
        if differences:
            raise CommandError("Balances and ledger disagree.")
