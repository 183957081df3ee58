"""Commands on workflows: run what is due, decide, escalate, configure."""

from workflows.services.approving import decide, decide_one, escalate_approval
from workflows.services.configuring import configure, install_defaults
from workflows.services.running import request_run, run_due

__all__ = [
    "configure",
    "decide",
    "decide_one",
    "escalate_approval",
    "install_defaults",
    "request_run",
    "run_due",
]
