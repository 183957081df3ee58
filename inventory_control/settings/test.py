"""The test suite: fixed keys, fast password hash, everything else as in production."""

from inventory_control.settings.base import *  # noqa: F403 - settings modules extend base

SECRET_KEY = "test-secret-key-of-no-worth"  # noqa: S105 - protects nothing
AUDIT_SIGNING_KEY = "00" * 32
CREDENTIALS_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["*"]
STATIC_ROOT = None
OUTBOUND_ALLOWED_HOSTS = ["127.0.0.1"]
