"""Refusals of fulfilment."""

from __future__ import annotations

from inventory_control.core.errors import Conflict, Refused


class StaleFiguresError(Conflict):
    """These figures are too old to decide on; read them again. Nothing was cancelled."""

    code = "stale_figures"


class UnknownNameError(Refused):
    """The request names something that does not exist."""

    code = "unknown_name"


class InvalidTermsError(Refused):
    """This policy does not hold together."""

    code = "invalid_policy"


class NoSubstituteError(Refused):
    """This item is no approved substitute for that one."""

    code = "no_substitute"


class NotServedError(Conflict):
    """There is not enough of the substitute."""

    code = "not_available"


class NothingWantedError(Conflict):
    """This order line neither holds units nor waits for any."""

    code = "nothing_wanted"
