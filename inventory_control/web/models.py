"""Answers remembered by idempotency key (D18)."""

from __future__ import annotations

from django.db import models

from inventory_control.core.tenancy import TenantModel


class IdempotentAnswer(TenantModel):
    """The first answer to a write with an Idempotency-Key, replayed for the same body.

    Written in the transaction of the effect, so that there is none of a call that still runs.
    """

    actor_id = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    route = models.CharField(max_length=200)
    digest = models.BinaryField(max_length=32)
    started_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField()
    content_type = models.CharField(max_length=80, blank=True, default="")
    body = models.BinaryField(default=b"")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["actor_id", "key"], name="idempotency_key_once")
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
