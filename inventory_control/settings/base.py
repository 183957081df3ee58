"""Everything the product is configured with; the environment decides, files never do."""

from __future__ import annotations

from pathlib import Path

import environ
from csp.constants import NONE, SELF

from inventory_control.celery import app as _celery_app
from inventory_control.core.telemetry import configure_logging
from inventory_control.web.tiers import MEANINGS, Tier

BASE_DIR = Path(__file__).resolve().parents[2]
env = environ.Env()

SECRET_KEY = env("SECRET_KEY", default="")
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[".localhost", "127.0.0.1", "localhost"])
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = True

# Which of the four database logins (decision D16) this process uses: app, ai, sealer or owner.
# Give each process only the URL of its own login.
DATABASE_LOGIN = env("IC_LOGIN", default="app")
_URL_NAMES = {
    "app": "DATABASE_URL",
    "ai": "DATABASE_AI_URL",
    "sealer": "DATABASE_SEALER_URL",
    "owner": "DATABASE_OWNER_URL",
}
DATABASE_OWNER_URL = env("DATABASE_OWNER_URL", default="")
"""The provisioner, only in processes that make tenants."""
_database = env.db(_URL_NAMES[DATABASE_LOGIN], default="postgresql://ic_app@/inventory_control")
DATABASES = {
    "default": {
        **_database,
        "ENGINE": "inventory_control.core.postgresql",
        "IC_LOGIN": DATABASE_LOGIN,
        "CONN_MAX_AGE": env.int("DATABASE_CONNECTION_SECONDS", default=300),
        "CONN_HEALTH_CHECKS": False,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        # Only statements that ask for it are prepared (core.sql.hot); None would forbid it to all.
        "OPTIONS": {**_database.get("OPTIONS", {}), "prepare_threshold": 1_000_000_000},
    }
}
DATABASE_ROUTERS = ("django_tenants.routers.TenantSyncRouter",)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env("REDIS_URL", default="redis://127.0.0.1:6379/0")
BROKER_URL = env("BROKER_URL", default=REDIS_URL)
CACHES = {
    "default": {
        "BACKEND": "inventory_control.core.cache.TenantCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "inventory_control.core.tenancy.cache_key",
    }
}

# Apps in both lists keep their tables in `public` for partner staff and in each tenant's schema
# for its members; this intersection is checked at start and holds no business app.
BOTH = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "inventory_control.people",
]
SHARED_APPS = ["django_tenants", "tenants", *BOTH]
TENANT_APPS = [
    *BOTH,
    "django.contrib.admin",
    "guardian",
    "inventory_control.web",
    "inventory_control.audit",
    "inventory_control.catalog",
    "inventory_control.policies",
    "inventory_control.events",
    "inventory_control.outbox",
    "inventory_control.timers",
    "inventory_control.stock",
    "inventory_control.orders",
    "inventory_control.fulfilment",
    "inventory_control.notifications",
    "inventory_control.availability",
    "inventory_control.reconciliation",
    "exceptions",
    "ai_advice",
    "workflows",
    "connectors",
    "inventory_control.timelines",
    "inventory_control.kpi",
]
INSTALLED_APPS = [
    *SHARED_APPS,
    *(app for app in TENANT_APPS if app not in SHARED_APPS),
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "inventory_control.demo",
    "inventory_control.stories",
]
TENANT_MODEL = "tenants.Tenant"
TENANT_DOMAIN_MODEL = "tenants.Domain"
PUBLIC_SCHEMA_NAME = "public"
ROOT_URLCONF = "inventory_control.urls"
PUBLIC_SCHEMA_URLCONF = "inventory_control.urls_public"

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "people:login"
LOGIN_REDIRECT_URL = "/"

MIDDLEWARE = [
    "inventory_control.web.middleware.ObservedRequest",
    "django.middleware.security.SecurityMiddleware",
    "inventory_control.web.middleware.StaticFiles",
    "inventory_control.web.middleware.ContentSecurityPolicy",
    "tenants.middleware.TenantOfHost",
    "inventory_control.web.middleware.Sessions",
    "inventory_control.web.middleware.Addresses",
    "inventory_control.web.middleware.ForgeryCheck",
    "inventory_control.web.middleware.Members",
    "inventory_control.people.middleware.ActorOfSession",
    "inventory_control.web.middleware.Messages",
    "inventory_control.web.middleware.Frames",
    "inventory_control.web.middleware.Htmx",
    "inventory_control.web.middleware.RefusalsAsPages",
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_HTTPONLY = False
CSRF_FAILURE_VIEW = "inventory_control.web.problems.csrf_refused"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "inventory_control.navigation.shell",
            ],
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT: Path | None = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
EVENT_BODY_LIMIT = 20 * 1024 * 1024
"""Largest body of the event endpoints, in bytes, before and after decompression."""
TENANTS_PER_SESSION = env.int("TENANTS_PER_SESSION", default=100)
"""Tenants a database session works for before it is given up, because it remembers them all."""
LEDGER_PARTITION_ENTRIES = env.int("LEDGER_PARTITION_ENTRIES", default=2_000_000)
"""Entries after which a tenant's ledger is split by date."""

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "inventory_control.people.api.authentication.KeyAuthentication",
        "inventory_control.people.api.authentication.ConsoleSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["inventory_control.people.api.authentication.Scoped"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "inventory_control.web.schema.TieredSchema",
    "EXCEPTION_HANDLER": "inventory_control.web.problems.problem_of",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_VERSIONING_CLASS": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Inventory control API",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "TAGS": [{"name": str(tier), "description": MEANINGS[tier]} for tier in Tier],
    "ENUM_NAME_OVERRIDES": {
        "CaseStatusEnum": "exceptions.states.Status",
        "DecisionVerdictEnum": ["approved", "refused"],
        "HoldStatusEnum": "inventory_control.availability.states.HoldStatus",
        "NotificationStatusEnum": "inventory_control.notifications.states.RequestStatus",
    },
}

# Wherever settings are loaded, bells are sent by this app and no other.
_celery_app.set_default()
CELERY_BROKER_URL = BROKER_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 4
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_TIME_LIMIT = 900
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_connect_timeout": 0.5}
CELERY_TASK_ROUTES = {
    "stages.advise": {"queue": "advice"},
    "audit.*": {"queue": "audit"},
    "ledger.*": {"queue": "stages"},
    "stages.*": {"queue": "stages"},
    "tenants.*": {"queue": "stages"},
}
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

AUDIT_SIGNING_KEY = env("AUDIT_SIGNING_KEY", default="")
AUDIT_HEADS_DIR = env("AUDIT_HEADS_DIR", default="")
"""Folder outside the database that keeps each tenant's signed heads; empty means logs only."""
CREDENTIALS_KEYS = env.list("CREDENTIALS_KEYS", default=[])
"""Fernet keys, newest first, that encrypt connector secrets; the rest only decrypt."""

METRICS_TOKEN = env("METRICS_TOKEN", default="")
"""Who may scrape /metrics from another machine; empty means nobody may."""
OUTBOUND_ALLOWED_HOSTS = env.list("OUTBOUND_ALLOWED_HOSTS", default=[])
"""Hosts connectors may call although their address is private."""

LOGGING_CONFIG = None
configure_logging()
