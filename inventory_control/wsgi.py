"""The WSGI entry point, served by granian."""

from __future__ import annotations

import os

import django

from inventory_control.core.collector import spare_what_is_loaded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inventory_control.settings.local")
django.setup(set_prefix=False)

from django.core.wsgi import get_wsgi_application  # noqa: E402 - models need the settings first

from inventory_control.lanes import ShortLane  # noqa: E402 - models need the settings first

application = ShortLane(get_wsgi_application())
spare_what_is_loaded()
