"""What each channel may sell of each item, and what it was told."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from inventory_control.core.tenancy import TenantModel


class Availability(TenantModel):
    """The available-to-sell figure of an item on a channel, and the trail of its publication.

    `quantity` is what the channel should show, `published` what it was last sent and
    acknowledged. `changed_at` is when the posting that caused the figure was made: the latency
    of a push is `published_at` less that.
    """

    pk = models.CompositePrimaryKey("item_id", "channel_id")
    item = models.ForeignKey("catalog.Item", on_delete=models.CASCADE, related_name="+")
    channel = models.ForeignKey("catalog.Channel", on_delete=models.CASCADE, related_name="+")
    ats = models.BigIntegerField()
    quantity = models.BigIntegerField()
    version = models.BigIntegerField(default=1)
    changed_at = models.DateTimeField()
    computed_at = models.DateTimeField()
    published = models.BigIntegerField(null=True)
    published_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        verbose_name_plural = "availability"
        indexes = [
            models.Index(
                fields=["channel", "item"],
                condition=Q(published__isnull=True) | ~Q(published=F("quantity")),
                name="availability_unpublished",
            )
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.item_id} on {self.channel_id}"


class ChangedPlace(TenantModel):
    """A note that the position of an item at a node changed; the detection stage takes it away."""

    item_id = models.BigIntegerField()
    node_id = models.BigIntegerField()
    noted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.item_id} at {self.node_id}"
