"""Commands on partners and tenants; provisioning itself is `inventory_control.provisioning`."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection, transaction

from inventory_control.core import clock
from inventory_control.core.errors import Refused
from inventory_control.core.telemetry import correlation_id
from inventory_control.core.tenancy import TenantRef
from inventory_control.people.models import User
from inventory_control.people.selectors import digest_of, prefix_of
from tenants.models import Brand, Domain, Partner, PartnerStaff, Tenant
from tenants.rules import Colour, brand_sheet, derive_brand, normalise_domain
from tenants.selectors import forget

KEPT_BYTES = 256 * 1024 * 1024
"""What a tenant in maintenance may have waiting; beyond it callers are told to come back."""


@transaction.atomic
def keep_call(
    tenant: TenantRef,
    *,
    path: str,
    content_type: str,
    content_encoding: str,
    secret: str,
    idempotency_key: str | None,
    body: bytes,
) -> int | None:
    """Keep a call that posts events until its tenant is open again; runs on the public tables.

    Returns the number of its receipt, or None when there is no room. The secret is not kept, only
    what tells whether it was the right one.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ic_sys.keep_call(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                tenant.id,
                path,
                content_type,
                content_encoding,
                prefix_of(secret),
                digest_of(secret),
                idempotency_key,
                correlation_id(),
                body,
                KEPT_BYTES,
            ],
        )
        (receipt,) = cursor.fetchone()
    return None if receipt is None else int(receipt)


def drop_kept_call(receipt: int) -> None:
    """Forget a call of the present tenant in the transaction that took it in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ic_sys.drop_kept_call(%s)", [receipt])


@transaction.atomic
def create_partner(*, name: str, slug: str, domain: str, seed: str) -> Partner:
    """Add a partner with the look and host name of its own console. Runs on the public tables."""
    partner = Partner.objects.create(name=name, slug=slug)
    Domain.objects.create(domain=normalise_domain(domain), partner=partner)
    brand(partner=partner, name=name, seed=seed)
    return partner


@transaction.atomic
def create_tenant(
    *,
    partner: Partner,
    name: str,
    label: str,
    domain: str,
    seed: str,
    currency: str = "EUR",
    is_sandbox: bool = False,
    clock_offset: timedelta = timedelta(),
) -> Tenant:
    """Add the row of a new tenant; it stays closed until it is provisioned.

    Raises `Refused` when a clock of its own is asked for anything but a sandbox.
    """
    if clock_offset and not is_sandbox:
        raise Refused("Only a sandbox may have a clock of its own.", field="clock_offset")
    tenant = Tenant.objects.create(
        partner=partner,
        name=name,
        label=label,
        schema_name=f"tenant_{label.replace('-', '_')}",
        currency=currency,
        is_sandbox=is_sandbox,
        clock_offset=clock_offset,
        created_at=clock.real_now(),
    )
    Domain.objects.create(domain=normalise_domain(domain), tenant=tenant)
    brand(tenant=tenant, name=name, seed=seed)
    return tenant


@transaction.atomic
def brand(
    *,
    name: str,
    seed: str,
    tenant: Tenant | None = None,
    partner: Partner | None = None,
    footer: str = "",
) -> Brand:
    """Set the look of a house from one seed colour; the stylesheet is generated and checked."""
    sheet = brand_sheet(derive_brand(seed))
    house = {"tenant": tenant} if tenant is not None else {"partner": partner}
    known = Brand.objects.filter(**house).first()
    look, _ = Brand.objects.update_or_create(
        **house,
        defaults={
            "name": name,
            "seed": Colour.parse(seed).hex,
            "sheet": sheet,
            "footer": footer,
            "version": 1 if known is None else known.version + 1,
        },
    )
    forget()
    return look


@transaction.atomic
def add_staff(*, partner: Partner, username: str, name: str, password: str) -> PartnerStaff:
    """Give a person of the partner an account on the public tables.

    It opens the partner's board and no tenant: into a tenant leads only a delegate's grant.
    """
    first, _, last = name.partition(" ")
    user = User(username=username, first_name=first, last_name=last)
    user.set_password(password)
    user.save()
    return PartnerStaff.objects.create(partner=partner, user=user)
