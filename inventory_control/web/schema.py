"""How the API describes itself: operations grouped by tier."""

from __future__ import annotations

from drf_spectacular.openapi import AutoSchema

from inventory_control.web.tiers import Tier


class TieredSchema(AutoSchema):
    """An operation's only tag is the tier of its view."""

    def get_tags(self) -> list[str]:
        """The tier."""
        return [str(getattr(self.view, "tier", Tier.SYSTEM))]
