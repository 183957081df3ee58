"""The WSGI entry point, served by granian."""

from __future__ import annotations

import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inventory_control.settings.local")
django.setup(set_prefix=False)

from django.core.wsgi import get_wsgi_application  # noqa: E402 - models need the settings first

from inventory_control.lanes import ShortLane  # noqa: E402 - models need the settings first

application = ShortLane(get_wsgi_application())

# What was loaded by now stays for good: the collector need not walk it while a till waits.
# What a request makes is mostly gone with it, so looking for cycles can wait longer.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
