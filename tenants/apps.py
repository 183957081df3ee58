"""Django app config: ties the tenant directory to core.tenancy and checks the app lists."""

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Error, register

ALLOWED_IN_BOTH = {
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "inventory_control.people",
}


def no_business_app_in_both(**_: object) -> list[Error]:
    """A table that exists in `public` and in a tenant could be read in the wrong one."""
    both = set(settings.SHARED_APPS) & set(settings.TENANT_APPS)
    return [
        Error(f"{app} may not be in SHARED_APPS and TENANT_APPS.", id="tenants.E001")
        for app in sorted(both - ALLOWED_IN_BOTH)
    ]


class TenantsConfig(AppConfig):
    """Tenants."""

    name = "tenants"

    def ready(self) -> None:
        """Give core.tenancy its directory."""
        from inventory_control.core.tenancy import use_directory
        from tenants.selectors import tenant_ref

        use_directory(tenant_ref)
        register(no_business_app_in_both)
