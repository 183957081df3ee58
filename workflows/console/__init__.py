"""Console doors of exceptions and workflows: the queue, a case, the approvals inbox."""
