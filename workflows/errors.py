"""Refusals of workflows."""

from __future__ import annotations

from inventory_control.core.errors import Conflict, NotPermitted, Refused


class UnreadableDefinitionError(Refused):
    """The workflow definition could not be read."""

    code = "unreadable_definition"


class InvalidPolicyError(Refused):
    """This policy does not hold together."""

    code = "invalid_policy"


class NotYourRoleError(NotPermitted):
    """This approval belongs to another role."""

    code = "not_your_role"


class SeparationError(NotPermitted):
    """Segregation of duties: nobody approves what they asked for, nor two levels of one request."""

    code = "segregation_of_duties"


class AdviceExpiredError(Conflict):
    """The advice behind this approval has expired; it is worked out anew and asked again."""

    code = "advice_expired"


class AlreadyRunningError(Conflict):
    """A workflow is running on this exception already."""

    code = "already_running"


class FactsChangedError(Conflict):
    """The facts changed since this was asked; it is asked anew with those of now."""

    code = "facts_changed"


class ImpossibleError(Conflict):
    """This cannot be done as things are now."""

    code = "impossible"
