"""Who is in the demo: tenants, people, logins and keys, as the launcher and its commands pass them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inventory_control.embedded.places import write_private

PARTNER_HOST = "partner.localhost"
STAFF = "sam"
INTEGRATOR, PLANNER, FINANCE, ADMIN = "integrator", "ada", "ben", "grace"
MEMBERS: Mapping[str, tuple[str, str]] = {
    ADMIN: ("Grace Admin", "admin"),
    PLANNER: ("Ada Planner", "planner"),
    FINANCE: ("Ben Finance", "finance"),
    INTEGRATOR: ("Integration", "integrator"),
}
"""Login -> name and role, the same in every tenant."""


@dataclass(frozen=True, slots=True)
class Brand:
    """How a tenant is called and coloured."""

    name: str
    seed: str


GENERATED, FROM_FILE, OTHER = "alder", "cedar", "birch"
BRANDS: Mapping[str, Brand] = {
    GENERATED: Brand("Alder & Sons", "#7a2e2e"),
    FROM_FILE: Brand("Cedar Gifts", "#5b3a78"),
    OTHER: Brand("Birch Outdoor", "#1f6f43"),
}


@dataclass(slots=True)
class Keys:
    """API keys by tenant and login; kept in a file that only its owner may read."""

    by_tenant: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path) -> Keys:
        """What was kept, or nothing."""
        if not path.exists():
            return cls()
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Keep them, mode 600."""
        write_private(path, json.dumps(self.by_tenant))

    def of(self, label: str, login: str) -> str:
        """One key."""
        return self.by_tenant[label][login]


def host_of(label: str) -> str:
    """The host name of a tenant."""
    return f"{label}.localhost"


def password_of(secret: str, house: str, login: str) -> str:
    """The console password of a login, derived, so that it is the same at every start."""
    digest = hmac.new(secret.encode(), f"{house}/{login}".encode(), hashlib.sha256).hexdigest()
    return f"{login}-{digest[:16]}"


def simulator_secret(secret: str) -> str:
    """What the simulated systems sign their webhooks with, in the form of Standard Webhooks."""
    digest = hmac.new(secret.encode(), b"simulator", hashlib.sha256).digest()
    return f"whsec_{base64.b64encode(digest).decode()}"
