"""Django app config."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Catalog."""

    name = "inventory_control.catalog"
    label = "catalog"
