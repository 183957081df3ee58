"""Configured connections to other systems."""

from __future__ import annotations

from django.db import models

from inventory_control.core.tenancy import TenantModel


class Connector(TenantModel):
    """One system of the tenant: which adapter speaks to it, where it lives, how it signs.

    `secret` is encrypted (Fernet, keys from the environment, newest first). `targets` of the
    outbox are connector codes. A paused connector keeps its commands waiting.
    """

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    adapter = models.CharField(max_length=40)
    url = models.CharField(max_length=200, blank=True, default="")
    secret = models.BinaryField(default=b"")
    settings = models.JSONField(default=dict, blank=True)
    is_paused = models.BooleanField(default=False)
    last_ok_at = models.DateTimeField(null=True, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True, default="")

    class Meta(TenantModel.Meta):
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name
