"""A real deployment: TLS only, and no start without its secrets."""

from django.core.exceptions import ImproperlyConfigured

from inventory_control.settings import base
from inventory_control.settings.base import *  # noqa: F403 - settings modules extend base

SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrf"
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

for name in ("SECRET_KEY", "AUDIT_SIGNING_KEY", "CREDENTIALS_KEYS"):
    if not getattr(base, name):
        raise ImproperlyConfigured(f"Set {name} in the environment.")
