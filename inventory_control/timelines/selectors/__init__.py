"""Questions to the whole house: one event, one business object, what an error touched."""

from inventory_control.timelines.selectors.consequences import touched_by
from inventory_control.timelines.selectors.event import page_of_event
from inventory_control.timelines.selectors.objects import timeline_of_object

__all__ = ["page_of_event", "timeline_of_object", "touched_by"]
