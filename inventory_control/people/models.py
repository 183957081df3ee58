"""Users, roles, API keys and the partner's delegates; no foreign key leaves the schema."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models

from inventory_control.core.tenancy import TenantManager, TenantModel
from inventory_control.web.tiers import all_tiers


class Role(TenantModel):
    """A bundle of permissions a member holds, such as planner or finance controller.

    `permissions` are the codenames of the apps' `permissions.py`; approval matrices name roles
    by `key`.
    """

    key = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    permissions = ArrayField(models.CharField(max_length=80), default=list)

    class Meta(TenantModel.Meta):
        ordering = ("key",)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A member of a tenant, or in `public` a member of a partner's staff.

    `public_id` is what events, audit entries and approvals keep; the name stays here, so that
    erasing a person is one update. `person` ties several accounts of one human together for
    segregation of duties.
    """

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        SERVICE = "service", "Service account"
        CONNECTOR = "connector", "Connector"
        DELEGATE = "delegate", "Partner's delegate"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person = models.UUIDField(default=uuid.uuid4, db_index=True)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.PERSON)
    roles = models.ManyToManyField(Role, blank=True, related_name="members")
    theme = models.CharField(max_length=10, blank=True, default="")
    density = models.CharField(max_length=10, blank=True, default="")
    contrast = models.CharField(max_length=10, blank=True, default="")

    class Meta(AbstractUser.Meta):
        pass

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    @property
    def initials(self) -> str:
        """Two letters for the round badge."""
        words = str(self).split()
        letters = "".join(word[0] for word in words[:2]) or self.username[:2]
        return letters.upper()


class ApiKey(TenantModel):
    """A secret a program presents; only its digest is kept, so it can be shown once.

    The key acts as `user`, narrowed to `scopes`, and calls endpoints of its `tiers` only; `sources` limits which event sources it may
    speak for, empty meaning its own name only.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=80), default=list)
    sources = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    tiers = ArrayField(models.CharField(max_length=12), default=all_tiers)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Delegate(TenantModel):
    """A partner's person working inside this tenant under a grant the tenant can see and end.

    The grant itself is the partner's side (`tenants.AccessGrant`); this row is the tenant's, and
    it decides: ended or past `until`, the delegate is nobody. A delegate never approves unless
    `may_approve` was granted by the tenant in so many words.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="delegation")
    partner_name = models.CharField(max_length=120)
    grant_id = models.UUIDField(unique=True)
    reason = models.CharField(max_length=200)
    granted_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    may_approve = models.BooleanField(default=False)

    objects: ClassVar[TenantManager] = TenantManager()

    class Meta(TenantModel.Meta):
        ordering = ("-granted_at",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(until__gt=models.F("granted_at")), name="delegate_until_later"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} for {self.partner_name} until {self.until:%Y-%m-%d %H:%M}"


class FailedSignIn(TenantModel):
    """One failed sign-in, kept for as long as it throttles; real time."""

    username = models.CharField(max_length=150)
    address = models.CharField(max_length=45)
    failed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["username", "failed_at"], name="failed_sign_in")]

    def __str__(self) -> str:
        return f"{self.username} at {self.failed_at:%H:%M}"
