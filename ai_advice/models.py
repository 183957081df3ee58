"""Advice and what people made of it; the advice worker may insert here and nowhere else."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_control.core.tenancy import TenantModel


class Advice(TenantModel):
    """One recommendation on one version of a case; never changed, only overtaken or expired.

    `confidence` is the probability of `proposition`; `snapshot` is the digest of the inputs, so
    that the same inputs can be shown to give the same advice. `model_version` names the method.
    """

    case = models.ForeignKey(
        "exceptions.ExceptionCase", on_delete=models.CASCADE, related_name="advice"
    )
    case_version = models.PositiveIntegerField()
    advisor = models.CharField(max_length=40)
    model_version = models.CharField(max_length=40)
    action = models.CharField(max_length=12)
    proposition = models.TextField()
    confidence = models.FloatField()
    quantity = models.BigIntegerField(default=0)
    value = models.DecimalField(max_digits=16, decimal_places=2, default=0)
    from_node = models.ForeignKey(
        "catalog.Node", on_delete=models.PROTECT, null=True, related_name="+"
    )
    supplier = models.ForeignKey(
        "catalog.Supplier", on_delete=models.PROTECT, null=True, related_name="+"
    )
    expected_at = models.DateTimeField(null=True)
    evidence = models.JSONField(default=dict)
    alternatives = models.JSONField(default=list)
    snapshot = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        verbose_name_plural = "advice"
        constraints = [
            models.CheckConstraint(
                condition=Q(confidence__gte=0) & Q(confidence__lte=1), name="advice_confidence"
            ),
            models.CheckConstraint(
                condition=Q(action__in=["transfer", "purchase", "nothing"]), name="advice_action"
            ),
        ]
        indexes = [models.Index(fields=["case", "-id"], name="advice_of_case")]

    def __str__(self) -> str:
        return self.proposition


class Override(TenantModel):
    """A person's decision against a piece of advice, with the reason; feeds the override rate."""

    advice = models.ForeignKey(Advice, on_delete=models.CASCADE, related_name="overrides")
    actor_id = models.CharField(max_length=80)
    reason = models.CharField(max_length=300)
    made_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["-made_at"], name="override_latest")]

    def __str__(self) -> str:
        return f"override of {self.advice_id}"
