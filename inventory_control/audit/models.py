"""The audit log's tables, which `ic_sys.install_audit` makes and no migration may touch."""

from __future__ import annotations

from django.db import models

from inventory_control.core.tenancy import TenantModel


class AuditEntry(TenantModel):
    """One recorded fact: who did what to which subject, with the data the decision rested on.

    Append-only by rights and by trigger. `tx` is the writing transaction, by which the sealer
    finds a commit-safe order; `at` is product time, `recorded_at` real time.
    """

    id = models.BigAutoField(primary_key=True)
    recorded_at = models.DateTimeField()
    at = models.DateTimeField()
    actor_kind = models.TextField()
    actor_id = models.TextField()
    actor_name = models.TextField()
    verb = models.TextField()
    subject_kind = models.TextField()
    subject_id = models.TextField()
    correlation_id = models.TextField()
    data = models.JSONField()

    class Meta(TenantModel.Meta):
        managed = False
        db_table = "entry"

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_kind} {self.subject_id}"


class AuditLeaf(TenantModel):
    """The place of an entry in the sealed tree."""

    number = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(AuditEntry, on_delete=models.DO_NOTHING, related_name="leaf")
    hash = models.BinaryField()

    class Meta(TenantModel.Meta):
        managed = False
        db_table = "leaf"

    def __str__(self) -> str:
        return f"leaf {self.number}"


class TreeHead(TenantModel):
    """A signed root: whoever keeps one elsewhere can show that the log was rewritten or cut."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    signed_at = models.DateTimeField()
    key_id = models.TextField()
    signature = models.BinaryField()

    class Meta(TenantModel.Meta):
        managed = False
        db_table = "head"

    def __str__(self) -> str:
        return f"head of {self.size}"
