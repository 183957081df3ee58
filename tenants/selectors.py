"""Questions about tenants: which one a host or an id means, what it looks like, whom it serves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from inventory_control.core.tenancy import TenantRef, in_public
from tenants.models import Brand, Domain, Partner, PartnerStaff, Tenant
from tenants.states import TenantStatus

KEPT_FOR_S = 10.0
"""How long a process trusts what it knows of a host or tenant; `forget` ends it at once."""

READING_S = 1.0
"""How long one thread may read the directory before another tries."""
HOSTS_KEPT = 10_000
"""How many houses, and how many strangers' names, a process remembers."""


@dataclass(frozen=True, slots=True)
class House:
    """What a host name leads to: a tenant's house, or a partner's (then `tenant` is None).

    `status` decides whether the door opens; `brand_version` busts the browser's cached sheet.
    """

    tenant: TenantRef | None
    partner_id: UUID | None
    name: str
    currency: str
    status: str
    brand_name: str
    brand_footer: str
    brand_version: int
    has_logo: bool


@dataclass(slots=True)
class _Directory:
    """What this process knows of hosts: all houses there were at `loaded`, and names that led
    nowhere, each until a moment of the monotonic clock.
    """

    houses: dict[str, House] = field(default_factory=dict)
    strangers: dict[str, float] = field(default_factory=dict)
    fresh_until: float = 0.0


_hosts = _Directory()
_refs: dict[UUID, tuple[float, TenantRef | None]] = {}


def house_of(host: str) -> House | None:
    """The house a normalised host name leads to, from the process's own short-lived directory.

    All hosts are read together: one query every `KEPT_FOR_S`, not one for each host. A name that
    is not among them is asked for by itself, so that a new tenant's door opens at once.
    """
    now = time.monotonic()
    if now > _hosts.fresh_until:
        # Whoever comes first reads; the others go on with what was known for that long.
        _hosts.fresh_until = now + READING_S
        with in_public():
            _hosts.houses = dict(_houses(Domain.objects.all()[:HOSTS_KEPT]))
        _hosts.fresh_until = time.monotonic() + KEPT_FOR_S
    house = _hosts.houses.get(host)
    if house is not None or _hosts.strangers.get(host, 0.0) > now:
        return house
    with in_public():
        house = dict(_houses(Domain.objects.filter(domain=host))).get(host)
    if house is not None:
        _hosts.houses[host] = house
        return house
    if len(_hosts.strangers) >= HOSTS_KEPT:
        _hosts.strangers.clear()
    _hosts.strangers[host] = now + KEPT_FOR_S
    return None


def tenant_ref(tenant_id: UUID) -> TenantRef | None:
    """The tenant of that id, or None; core.tenancy's directory."""
    known = _refs.get(tenant_id)
    if known is not None and known[0] > time.monotonic():
        return known[1]
    with in_public():
        tenant = Tenant.objects.filter(pk=tenant_id).first()
    found = None if tenant is None else ref_of(tenant)
    _refs[tenant_id] = (time.monotonic() + KEPT_FOR_S, found)
    return found


def tenant_labelled(label: str) -> TenantRef | None:
    """The tenant of that label, or None; for commands typed by a person."""
    with in_public():
        tenant = Tenant.objects.filter(label=label).first()
    return None if tenant is None else ref_of(tenant)


def open_tenants() -> list[TenantRef]:
    """Every tenant that may be entered, by label."""
    with in_public():
        tenants = list(Tenant.objects.filter(status=TenantStatus.OPEN).order_by("label"))
    return [ref_of(tenant) for tenant in tenants]


def ref_of(tenant: Tenant) -> TenantRef:
    """The small value that enters a tenant."""
    return TenantRef(
        id=tenant.pk,
        schema_name=tenant.schema_name,
        label=tenant.label,
        is_sandbox=tenant.is_sandbox,
        is_open=tenant.status == TenantStatus.OPEN,
    )


def forget() -> None:
    """Drop what this process remembers of hosts and tenants, after a change."""
    _hosts.houses, _hosts.strangers, _hosts.fresh_until = {}, {}, 0.0
    _refs.clear()


def tenants_of(partner: Partner | UUID) -> QuerySet[Tenant]:
    """A partner's tenants with their counters, worst first; reads counters and nothing else."""
    return (
        Tenant.objects.filter(partner=partner)
        .select_related("counters", "brand")
        .order_by("-counters__past_due", "-counters__at_stake", "name")
    )


def staff_of(user_id: int) -> PartnerStaff | None:
    """The partner's person behind a public account, or None."""
    return PartnerStaff.objects.select_related("partner", "user").filter(user_id=user_id).first()


def brand_sheet_of(house: House) -> str | None:
    """The stylesheet with the five brand tokens of a house; None when it has no brand."""
    with in_public():
        brands = Brand.objects.filter(
            **({"tenant_id": house.tenant.id} if house.tenant else {"partner_id": house.partner_id})
        )
        return brands.values_list("sheet", flat=True).first()


def logo_of(house: House) -> bytes | None:
    """The re-encoded raster logo of a house, if it has one."""
    with in_public():
        brands = Brand.objects.filter(
            **({"tenant_id": house.tenant.id} if house.tenant else {"partner_id": house.partner_id})
        )
        logo = brands.values_list("logo", flat=True).first()
    return None if logo is None else bytes(logo)


def _houses(domains: QuerySet[Domain]) -> Iterator[tuple[str, House]]:
    """Each domain with the house behind it; sheets and logos stay where they are."""
    for row in domains.values(
        "domain", "partner_id", "tenant_id", "partner__name", "tenant__name", "tenant__label",
        "tenant__schema_name", "tenant__currency", "tenant__status", "tenant__is_sandbox",
        brand_name=Coalesce("tenant__brand__name", "partner__brand__name"),
        footer=Coalesce("tenant__brand__footer", "partner__brand__footer"),
        version=Coalesce("tenant__brand__version", "partner__brand__version"),
        has_logo=Q(tenant__brand__logo__isnull=False) | Q(partner__brand__logo__isnull=False),
    ):  # fmt: skip
        name = row["tenant__name"] or row["partner__name"]
        is_open = row["tenant__status"] == TenantStatus.OPEN
        tenant = (
            TenantRef(
                id=row["tenant_id"],
                schema_name=row["tenant__schema_name"],
                label=row["tenant__label"],
                is_sandbox=row["tenant__is_sandbox"],
                is_open=is_open,
            )
            if row["tenant_id"]
            else None
        )
        yield (
            row["domain"],
            House(
                tenant=tenant,
                partner_id=row["partner_id"],
                name=name,
                currency=row["tenant__currency"] or "",
                status=row["tenant__status"] or TenantStatus.OPEN,
                brand_name=row["brand_name"] or name,
                brand_footer=row["footer"] or "",
                brand_version=row["version"] or 0,
                has_logo=row["has_logo"],
            ),
        )


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A call that came while its tenant was in maintenance; `receipt` is what the caller was told."""

    receipt: int
    path: str
    content_type: str
    content_encoding: str
    key_prefix: str
    key_digest: bytes
    idempotency_key: str | None
    correlation_id: str
    body: bytes


def has_kept_calls() -> bool:
    """Whether calls of the present tenant wait since its maintenance."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ic_sys.has_kept_calls()")
        (has_some,) = cursor.fetchone()
    return bool(has_some)


def oldest_kept_call() -> KeptCall | None:
    """The call of the present tenant that came first, locked until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, path, content_type, content_encoding, key_prefix, key_digest,
                   idempotency_key, correlation_id, body
              FROM ic_sys.oldest_kept_call()
            """
        )
        row = cursor.fetchone()
    if row is None:
        return None
    receipt, path, kind, encoding, prefix, digest, idempotency_key, correlation, body = row
    return KeptCall(
        receipt, path, kind, encoding, prefix, bytes(digest), idempotency_key, correlation,
        bytes(body),
    )  # fmt: skip
