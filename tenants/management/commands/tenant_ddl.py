"""`tenant_ddl`: write or check the script that makes a tenant's schema."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inventory_control.tenant_ddl import SCRIPT, render


class Command(BaseCommand):
    """Keeps `tenant_schema.sql` what the migrations say."""

    help = "Write (--write) or check (--check) the DDL script of a tenant schema."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """One of the two."""
        group = parser.add_mutually_exclusive_group(required=True)
        group.add_argument("--write", action="store_true")
        group.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the script, or fail when it differs."""
        script = render()
        if options["write"]:
            SCRIPT.write_text(script, encoding="utf-8")
            self.stdout.write(f"{SCRIPT.name}: {len(script.splitlines())} lines")
        elif not SCRIPT.exists() or SCRIPT.read_text(encoding="utf-8") != script:
            raise CommandError(
                f"{SCRIPT.name} is not what the migrations say; run manage.py tenant_ddl --write."
            )
