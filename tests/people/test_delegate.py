"""The wall of the partner's delegate: the tenant's row decides, and it decides at every request."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from inventory_control.core import clock
from inventory_control.people.models import Delegate
from inventory_control.people.selectors import actor_of_user, holder_of_key
from tests.http import Api

PERMISSIONS = ("exceptions.read", "workflows.approve")


def delegate(*, hours: float = 8, **fields: object) -> tuple[Api, Delegate]:
    """A partner's person with a key and a grant that ends in so many hours."""
    api = Api(*PERMISSIONS, name="sam", kind="delegate")
    now = clock.real_now()
    grant = Delegate.objects.create(
        user=api.user,
        partner_name="Harbour",
        grant_id=uuid4(),
        reason="Onboarding",
        granted_at=now - timedelta(hours=1),
        until=now + timedelta(hours=hours),
        **fields,
    )
    return api, grant


@pytest.mark.req("TEN-07")
def test_a_delegate_works_until_the_grant_ends_and_not_a_moment_longer(tenant):
    api, grant = delegate()
    assert api.get("exceptions")[0] == 200

    assert actor_of_user(api.user.pk, at=grant.until - timedelta(seconds=1)) is not None
    assert actor_of_user(api.user.pk, at=grant.until) is None
    assert holder_of_key(api.key, at=grant.until) is None


@pytest.mark.req("TEN-07")
def test_a_grant_the_tenant_ends_acts_at_the_next_request(tenant):
    api, grant = delegate()
    assert api.get("exceptions")[0] == 200

    grant.ended_at = clock.real_now()
    grant.save()

    assert api.get("exceptions")[0] == 401
    assert actor_of_user(api.user.pk, at=clock.real_now()) is None


@pytest.mark.req("TEN-07")
def test_a_delegate_without_a_grant_is_nobody(tenant):
    api = Api(*PERMISSIONS, name="sam", kind="delegate")

    assert api.get("exceptions")[0] == 401
    assert actor_of_user(api.user.pk, at=clock.real_now()) is None


@pytest.mark.req("TEN-07")
@pytest.mark.parametrize("may_approve", [False, True])
def test_a_delegate_approves_only_when_the_tenant_said_so(tenant, may_approve):
    api, _ = delegate(may_approve=may_approve)

    actor = actor_of_user(api.user.pk, at=clock.real_now())
    holder = holder_of_key(api.key, at=clock.real_now())

    assert actor.may("exceptions.read")
    assert actor.may("workflows.approve") is may_approve
    assert holder.actor.may("workflows.approve") is may_approve


@pytest.mark.req("TEN-07")
def test_a_grant_that_ends_before_it_begins_cannot_be_kept(tenant):
    with pytest.raises(IntegrityError, match="delegate_until_later"), transaction.atomic():
        delegate(hours=-2)
