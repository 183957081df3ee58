"""Questions to exceptions: the queue, one case, the figures, and what detection looks at."""

from exceptions.selectors.detection import (
    cases_in_view,
    is_detection_due,
    lapsed_places,
    quiet_severities,
    scene_of,
)
from exceptions.selectors.queue import (
    QueuePage,
    case_page,
    cases_of,
    counters,
    exception_queue,
    moves_of,
    open_count,
    queue_count,
)

__all__ = [
    "QueuePage",
    "case_page",
    "cases_in_view",
    "cases_of",
    "counters",
    "exception_queue",
    "is_detection_due",
    "lapsed_places",
    "moves_of",
    "open_count",
    "queue_count",
    "quiet_severities",
    "scene_of",
]
