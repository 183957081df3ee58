"""`ledger`: do at once what happens to every ledger by the clock."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inventory_control.core.actors import Actor
from inventory_control.core.errors import DomainError
from inventory_control.core.tenancy import in_tenant
from inventory_control.stock.selectors import ledger_parts
from inventory_control.stock.services import (
    add_up_days,
    retire_ledger,
    roll_up_demand,
    split_ledger,
)
from inventory_control.stock.values import LedgerPart
from inventory_control.web.moments import read_moment
from tenants.selectors import open_tenants, tenant_labelled

LOOKS = 2
"""What was posted before one look is taken in by the next."""


class Command(BaseCommand):
    """Splits ledgers that have grown, adds new lines up by day, retires what need not be kept, works
    demand out anew."""

    help = (
        "split: split a grown ledger by date. days: add new lines up by day. retire: carry the"
        " parts that end before a moment forward as opening balances and drop them; --preview"
        " shows every part, and why it stays. demand: work every day's demand out anew from its"
        " events."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, and for whom."""
        parser.add_argument("act", choices=["split", "days", "retire", "demand"])
        parser.add_argument("--tenant", help="a tenant's label; all open ones without it")
        parser.add_argument("--before", default="", help="retire: a moment with its offset")
        parser.add_argument("--preview", action="store_true", help="retire: show, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what became of each tenant's ledger."""
        label = options["tenant"]
        found = tenant_labelled(label) if label else None
        if label and found is None:
            raise CommandError(f"No tenant is labelled {label}.")
        act = self._act(options, is_named=found is not None)
        for tenant in [found] if found else open_tenants():
            try:
                with in_tenant(tenant):
                    said = act()
            except DomainError as error:
                raise CommandError(f"{tenant.label}: {error.detail}") from error
            self.stdout.write(f"{tenant.label}: {said}")

    def _act(self, options: dict[str, Any], *, is_named: bool) -> Callable[[], str]:
        if options["act"] != "retire":
            return {"split": _split, "days": _add_up, "demand": _roll_up}[options["act"]]
        if options["preview"]:
            return _preview
        try:
            before = read_moment(options["before"], "--before")
        except DomainError as error:
            raise CommandError(error.detail) from error
        if before is None or not is_named:
            raise CommandError("Retiring needs --tenant and --before, or --preview.")
        return partial(_retire, before)


def _split() -> str:
    return "split" if split_ledger(by=Actor.system("partitions")) else "left as it is"


def _add_up() -> str:
    days = sum(add_up_days(by=Actor.system("days")) for _ in range(LOOKS))
    return f"{days} days touched"


def _roll_up() -> str:
    return f"{roll_up_demand()} days put right"


def _retire(before: datetime) -> str:
    retired = retire_ledger(before=before, by=Actor.system("retention"))
    return "; ".join(
        f"{one.part.name} retired, {one.part.lines} lines carried forward as {one.carried}"
        for one in retired
    )


def _preview() -> str:
    return "\n".join(["", *map(_told, ledger_parts())])


def _told(part: LedgerPart) -> str:
    since = part.since.isoformat() if part.since else "the beginning"
    until = part.until.isoformat() if part.until else "now"
    size = f"{part.lines} lines, {part.bytes} bytes"
    if part.blockers:
        return f"  {part.name}: {since} to {until}, {size}. Stays: {' '.join(part.blockers)}"
    horizon = part.horizon.isoformat() if part.horizon else until
    return f"  {part.name}: {since} to {until}, {size}. May go; horizon {horizon}."
