"""Questions about tenants: which one a host or an id means, what it looks like, whom it serves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from inventory_control.core.tenancy import TenantRef, in_public
from tenants.models import Brand, Domain, Partner, PartnerStaff, Tenant
from tenants.states import TenantStatus

KEPT_FOR_S = 10.0
"""How long a process trusts what it knows of a host or tenant; `forget` ends it at once."""

HOSTS_KEPT = 10_000
"""How many host names a process remembers; strangers may ask for any number of them."""


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


_hosts: dict[str, tuple[float, House | None]] = {}
_refs: dict[UUID, tuple[float, TenantRef | None]] = {}


def house_of(host: str) -> House | None:
    """The house a normalised host name leads to, from the process's own short-lived cache."""
    known = _hosts.get(host)
    if known is not None and known[0] > time.monotonic():
        return known[1]
    with in_public():
        house = _load_house(host)
    if len(_hosts) >= HOSTS_KEPT:
        _hosts.clear()
    _hosts[host] = (time.monotonic() + KEPT_FOR_S, house)
    return house


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
    _hosts.clear()
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


def _load_house(host: str) -> House | None:
    domain = (
        Domain.objects.select_related("tenant__brand", "partner__brand").filter(domain=host).first()
    )
    if domain is None:
        return None
    owner = domain.tenant or domain.partner
    brand: Brand | None = getattr(owner, "brand", None)
    return House(
        tenant=ref_of(domain.tenant) if domain.tenant else None,
        partner_id=domain.partner_id,
        name=str(owner),
        currency=domain.tenant.currency if domain.tenant else "",
        status=domain.tenant.status if domain.tenant else TenantStatus.OPEN,
        brand_name=brand.name if brand else str(owner),
        brand_footer=brand.footer if brand else "",
        brand_version=brand.version if brand else 0,
        has_logo=bool(brand and brand.logo),
    )
