"""Policies: thresholds and modes, each change a new version that takes effect at a moment."""

from __future__ import annotations

from django.db import models

from inventory_control.core.tenancy import TenantModel


class Policy(TenantModel):
    """One version of one policy. A decision names the version it followed, so that yesterday's
    decision shows yesterday's rule.
    """

    key = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    value = models.JSONField()
    effective_at = models.DateTimeField()
    set_by = models.CharField(max_length=80)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="policy_version_once")
        ]
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"
