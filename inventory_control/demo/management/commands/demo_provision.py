"""`demo_provision`: the demo's partner, tenants, people, keys and connectors."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from connectors.services import add_connector
from exceptions.selectors.detection import POLICY as DETECTION
from exceptions.services import go_live
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.tenancy import TenantRef, in_public, in_tenant
from inventory_control.demo.people import (
    BRANDS,
    INTEGRATOR,
    MEMBERS,
    PARTNER_HOST,
    STAFF,
    Keys,
    host_of,
    password_of,
    simulator_secret,
)
from inventory_control.people.models import User
from inventory_control.people.services import add_member, issue_key
from inventory_control.policies.selectors import current_policy
from inventory_control.provisioning import provision
from inventory_control.roles import ROLES
from inventory_control.web.tiers import Tier
from tenants.models import Partner, PartnerStaff, Tenant
from tenants.selectors import ref_of
from tenants.services import add_staff, create_partner, create_tenant
from tenants.states import TenantStatus

ACTOR = Actor.system("demo")
SYSTEMS = {"erp": "ERP", "wms": "Warehouse", "pricing": "Pricing", "crm": "CRM"}


class Command(BaseCommand):
    """Safe to run again: what is there stays, what is missing is added."""

    help = "Set up the demo's partner and tenants; the keys go to a private file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which tenants, from when on, and where the simulated systems are."""
        parser.add_argument("--people", type=Path, required=True, help="file of the API keys")
        parser.add_argument("--hero", required=True, help="label of the sandbox that is played")
        parser.add_argument("--other", required=True, help="label of the second tenant")
        parser.add_argument("--starts-at", type=datetime.fromisoformat, required=True)
        parser.add_argument("--live-from", type=datetime.fromisoformat, help="end of the history")
        parser.add_argument("--simulator", default="", help="address of the simulated systems")
        parser.add_argument("--channel", action="append", default=[], help="code of a channel")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what is missing."""
        keys = Keys.read(options["people"])
        partner = _partner()
        for label in (options["hero"], options["other"]):
            starts_at = options["starts_at"] if label == options["hero"] else None
            ref = _tenant(partner, label, starts_at)
            with in_tenant(ref):
                _people(label, keys.by_tenant.setdefault(label, {}))
                if label == options["hero"]:
                    if options["live_from"]:
                        _go_live(options["live_from"])
                    if options["simulator"]:
                        _connectors(options)
            keys.write(options["people"])
        self.stdout.write(f"Partner {partner.slug}; tenants {options['hero']}, {options['other']}.")


def _partner() -> Partner:
    with in_public():
        partner = Partner.objects.filter(slug="harbour").first()
        if partner is None:
            partner = create_partner(
                name="Harbour Retail Services", slug="harbour", domain=PARTNER_HOST, seed="#0b5c78"
            )
        if not PartnerStaff.objects.filter(user__username=STAFF).exists():
            password = password_of(settings.SECRET_KEY, "partner", STAFF)
            add_staff(partner=partner, username=STAFF, name="Sam Partner", password=password)
        return partner


def _tenant(partner: Partner, label: str, starts_at: datetime | None) -> TenantRef:
    with in_public():
        tenant = Tenant.objects.filter(label=label).first()
        if tenant is None:
            own_clock = (
                {"is_sandbox": True, "clock_offset": starts_at - clock.real_now()}
                if starts_at is not None
                else {}
            )
            tenant = create_tenant(
                partner=partner,
                name=BRANDS[label].name,
                label=label,
                domain=host_of(label),
                seed=BRANDS[label].seed,
                currency="GBP",
                **own_clock,  # type: ignore[arg-type]  # two keywords, or none
            )
    return ref_of(tenant) if tenant.status == TenantStatus.OPEN else provision(tenant)


def _people(label: str, keys: dict[str, str]) -> None:
    known = {user.username: user for user in User.objects.filter(username__in=MEMBERS)}
    for login, (name, role) in MEMBERS.items():
        is_person = login != INTEGRATOR
        member = known.get(login) or add_member(
            username=login,
            name=name,
            password=password_of(settings.SECRET_KEY, label, login) if is_person else None,
            roles=[role],
            kind=User.Kind.PERSON if is_person else User.Kind.SERVICE,
            by=ACTOR,
        )
        if login not in keys:
            keys[login] = issue_key(
                user=member,
                name=login,
                scopes=sorted(ROLES[role][1]),
                tiers=tuple(Tier),
                sources=["*"] if login == INTEGRATOR else [],
                by=ACTOR,
            )


def _go_live(live_from: datetime) -> None:
    """Say once from when on the product watches; the history before builds the forecast only."""
    if current_policy(DETECTION).version == 1:
        go_live(live_from, by=ACTOR)


def _connectors(options: dict[str, Any]) -> None:
    for code, name in {**SYSTEMS, **{code: code for code in options["channel"]}}.items():
        add_connector(
            code=code,
            name=name,
            adapter="simulator",
            url=options["simulator"],
            secret=simulator_secret(settings.SECRET_KEY),
            options={},
            by=ACTOR,
        )
