"""`ledger`: do at once what happens to every ledger by the clock."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inventory_control.core.actors import Actor
from inventory_control.core.tenancy import in_tenant
from inventory_control.stock.services import add_up_days, split_ledger
from tenants.selectors import open_tenants, tenant_labelled

LOOKS = 2
"""What was posted before one look is taken in by the next."""


class Command(BaseCommand):
    """Splits ledgers that have grown, or adds new lines up by day."""

    help = "split: split a grown ledger by date. days: add new lines up by day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, and for whom."""
        parser.add_argument("act", choices=["split", "days"])
        parser.add_argument("--tenant", help="a tenant's label; all open ones without it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line per tenant."""
        label = options["tenant"]
        found = tenant_labelled(label) if label else None
        if label and found is None:
            raise CommandError(f"No tenant is labelled {label}.")
        acts: dict[str, Callable[[], str]] = {"split": _split, "days": _add_up}
        for tenant in [found] if found else open_tenants():
            with in_tenant(tenant):
                said = acts[options["act"]]()
            self.stdout.write(f"{tenant.label}: {said}")


def _split() -> str:
    return "split" if split_ledger(by=Actor.system("partitions")) else "left as it is"


def _add_up() -> str:
    days = sum(add_up_days(by=Actor.system("days")) for _ in range(LOOKS))
    return f"{days} days touched"
