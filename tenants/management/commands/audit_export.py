"""`audit_export`: a tenant's whole audit log, ready for the stand-alone verifier."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from inventory_control.audit.services import export_log
from inventory_control.core.tenancy import in_tenant
from tenants.selectors import tenant_labelled


class Command(BaseCommand):
    """Run as the sealer: `IC_LOGIN=sealer manage.py audit_export --tenant alder --to folder`."""

    help = "Seal a tenant's audit log to its end and write it out with its verifier."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which tenant, and where to."""
        parser.add_argument("--tenant", required=True, help="the tenant's label")
        parser.add_argument("--to", required=True, type=Path, help="folder to write")

    def handle(self, *args: Any, **options: Any) -> None:
        """Export, and say how to check it."""
        if settings.DATABASE_LOGIN != "sealer":
            raise CommandError("Run this with IC_LOGIN=sealer: only that login may sign.")
        ref = tenant_labelled(options["tenant"])
        if ref is None:
            raise CommandError(f"No tenant is labelled {options['tenant']}.")
        with in_tenant(ref):
            written = export_log(options["to"])
        self.stdout.write(f"{written} entries. Check them: python verify.py {options['to']}")
