"""Commands on workflows: run what is due, decide, escalate, configure."""

from workflows.services.approving import decide, decide_one, escalate_approval, refusal_of
from workflows.services.configuring import configure, install_defaults
from workflows.services.marking_down import request_markdown
from workflows.services.proposing import propose_change
from workflows.services.requesting import (
    request_adjustment,
    request_correction,
    request_order,
    request_run,
    withdraw_request,
)
from workflows.services.resuming import request_resumption
from workflows.services.running import run_due

__all__ = [
    "configure",
    "decide",
    "decide_one",
    "escalate_approval",
    "install_defaults",
    "propose_change",
    "refusal_of",
    "request_adjustment",
    "request_correction",
    "request_markdown",
    "request_order",
    "request_resumption",
    "request_run",
    "run_due",
    "withdraw_request",
]
