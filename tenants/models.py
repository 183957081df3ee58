"""The shared tables: partners, tenants, domains, brands, grants, counters and due notes."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django_tenants.models import DomainMixin, TenantMixin

from tenants.states import TenantStatus


class Partner(models.Model):  # type: ignore[django-manager-missing]  # untyped mixins below
    """An MSP, consultant or integrator who runs the product for retailers."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=40, unique=True)

    def __str__(self) -> str:
        return self.name


class PartnerStaff(models.Model):
    """A person of the partner; their account lives in `public`, beside this row."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="staff")
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="partner_staff"
    )

    class Meta:
        verbose_name_plural = "partner staff"

    def __str__(self) -> str:
        return f"{self.user} of {self.partner}"


class Tenant(TenantMixin):
    """A retailer: one schema, one database role, one audit log, one brand.

    `label` names it in logs and metrics. Only a sandbox may have a clock of its own (D17); the
    CHECK keeps every other offset at zero.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="tenants")
    name = models.CharField(max_length=120)
    label = models.SlugField(max_length=40, unique=True)
    currency = models.CharField(max_length=3, default="EUR")
    status = models.CharField(max_length=12, choices=TenantStatus.choices, default=TenantStatus.NEW)
    is_sandbox = models.BooleanField(default=False)
    clock_offset = models.DurationField(default=timedelta)
    created_at = models.DateTimeField()

    auto_create_schema = False
    auto_drop_schema = False

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_sandbox=True) | models.Q(clock_offset=timedelta()),
                name="tenant_clock_is_real",
            ),
            models.CheckConstraint(
                condition=models.Q(schema_name__regex=r"^[a-z][a-z0-9_]{0,50}$"),
                name="tenant_schema_name_plain",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Domain(DomainMixin):
    """A host name a tenant or partner is served under, stored normalised (lower case, no port)."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="domains", null=True, blank=True
    )
    partner = models.ForeignKey(
        Partner, on_delete=models.CASCADE, related_name="domains", null=True, blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("domain"), name="domain_once"),
            models.CheckConstraint(
                condition=models.Q(domain__regex=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"),
                name="domain_normalised",
            ),
            models.CheckConstraint(
                condition=models.Q(tenant__isnull=False) ^ models.Q(partner__isnull=False),
                name="domain_of_one_house",
            ),
        ]

    def save(self, *args: object, **kwargs: object) -> None:
        """Save without the library's primary-domain juggling, which assumes a tenant."""
        models.Model.save(self, *args, **kwargs)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return self.domain


class Brand(models.Model):
    """How a tenant, or the partner's own console, looks: validated tokens and a raster logo.

    `sheet` is the generated stylesheet of the five brand tokens; nothing else of the look can be
    set (D14).
    """

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, related_name="brand", null=True, blank=True
    )
    partner = models.OneToOneField(
        Partner, on_delete=models.CASCADE, related_name="brand", null=True, blank=True
    )
    name = models.CharField(max_length=80)
    seed = models.CharField(max_length=7)
    sheet = models.TextField()
    logo = models.BinaryField(null=True, blank=True)
    footer = models.CharField(max_length=120, blank=True, default="")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(tenant__isnull=False) ^ models.Q(partner__isnull=False),
                name="brand_of_one_house",
            ),
            models.CheckConstraint(
                condition=models.Q(seed__regex=r"^#[0-9a-f]{6}$"), name="brand_seed_is_a_colour"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AccessGrant(models.Model):
    """The partner's side of a delegate: who asked to enter which tenant, for how long, and why."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="grants")
    staff = models.ForeignKey(PartnerStaff, on_delete=models.CASCADE, related_name="grants")
    reason = models.CharField(max_length=200)
    granted_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(until__gt=models.F("granted_at")), name="grant_until_later"
            )
        ]

    def __str__(self) -> str:
        return f"{self.staff} in {self.tenant} until {self.until:%Y-%m-%d %H:%M}"


class TenantCounters(models.Model):
    """The only figures of a tenant its partner sees without a grant; the tenant writes them.

    Written through `ic_sys.put_counters`, which accepts only the caller's own row.
    """

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, primary_key=True, related_name="counters"
    )
    counted_at = models.DateTimeField()
    open_cases = models.IntegerField()
    past_due = models.IntegerField()
    at_stake = models.DecimalField(max_digits=16, decimal_places=2)
    approvals_waiting = models.IntegerField()
    dead_letters = models.IntegerField()
    oldest_due_seconds = models.IntegerField()
    health = models.CharField(max_length=12)

    class Meta:
        verbose_name_plural = "tenant counters"

    def __str__(self) -> str:
        return f"{self.tenant_id} at {self.counted_at:%H:%M}"


class DueStage(models.Model):
    """A note that a stage of a tenant has work, or will have at `not_before` (real time).

    Written by `ic_sys.mark_due`, put off by `ic_sys.put_off_due`, read by the sweep.
    """

    pk = models.CompositePrimaryKey("tenant_id", "stage")
    tenant_id = models.UUIDField()
    stage = models.CharField(max_length=40)
    not_before = models.DateTimeField(null=True)

    class Meta:
        db_table = "due"

    def __str__(self) -> str:
        return f"{self.stage} of {self.tenant_id}"
