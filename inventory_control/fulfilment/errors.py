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
    """There is not enough stock to give."""

    code = "not_available"


class NothingWantedError(Conflict):
    """This order line neither holds units nor waits for any."""

    code = "nothing_wanted"


class NotWaitingError(Conflict):
    """This order line no longer waits: it was served or cancelled meanwhile."""

    code = "not_waiting"


class GivenMeanwhileError(Conflict):
    """This order line was given units since it was looked at."""

    code = "given_meanwhile"


class FrozenPlaceError(Conflict):
    """The item is frozen at this node; nothing is given until that is lifted."""

    code = "frozen"


class InvalidReleaseError(Refused):
    """This release does not fit the order line."""

    code = "invalid_release"
