"""Console doors of timelines: the event log, one event, one business object."""
