"""Console doors of events: what was refused, and what a person does about it."""
