"""Refusals of notifications."""

from __future__ import annotations

from inventory_control.core.errors import Conflict, DomainError, Refused


class UnknownRequestError(DomainError):
    """There is no such notification request."""

    code = "unknown_request"
    status = 404


class InvalidRequestError(Refused):
    """This request does not hold together."""

    code = "invalid_request"


class UnknownOrderError(Refused):
    """Nobody told of this order."""

    code = "unknown_order"


class AnotherCustomerError(Conflict):
    """The order is of another customer; one must not be told of another's order."""

    code = "another_customer"


class PersonalDataError(Refused):
    """This looks like personal data; leave it out and name the customer by a token."""

    code = "personal_data"


class InvalidTermsError(Refused):
    """This policy does not hold together."""

    code = "invalid_policy"
