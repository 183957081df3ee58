#!/usr/bin/env python
"""The command line; `demo` starts its own services before Django reads the settings."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run a management command, or the demo."""
    if sys.argv[1:2] == ["demo"]:
        from inventory_control.demo.launcher import main as demo

        sys.exit(demo(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inventory_control.settings.local")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
