"""The life of a tenant."""

from __future__ import annotations

from django.db import models


class TenantStatus(models.TextChoices):
    """Only an open tenant can be entered by requests and tasks."""

    NEW = "new", "Being set up"
    OPEN = "open", "Open"
    MAINTENANCE = "maintenance", "In maintenance"
    SUSPENDED = "suspended", "Suspended"
