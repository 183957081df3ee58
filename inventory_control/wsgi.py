"""The WSGI entry point, served by granian."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inventory_control.settings.local")


application = get_wsgi_application()

# What was loaded by now stays for good: the collector need not walk it while a till waits.
gc.collect()
gc.freeze()
