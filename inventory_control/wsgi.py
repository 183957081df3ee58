"""The WSGI entry point, served by granian."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inventory_control.settings.local")


application = get_wsgi_application()
