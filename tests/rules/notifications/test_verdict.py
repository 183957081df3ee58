"""Whether a customer may be told something; what the policy about it may say."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory_control.core.errors import Refused
from inventory_control.events.values import ConsentFact
from inventory_control.notifications.rules import check_terms, number_of, verdict
from inventory_control.notifications.states import NOTIFICATION_FLOW
from inventory_control.notifications.values import DEFAULTS, POLICY

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
BY_MAIL = {"medium": "mail", "purpose": "service"}


def said(event_id: int, hour: int, **fields: Any) -> ConsentFact:
    """The customer agreed at an hour, or what the fields say."""
    told = {"is_given": True, **BY_MAIL, "source": "crm", "source_id": f"c{event_id}", **fields}
    return ConsentFact(event_id=event_id, said_at=NOW - timedelta(hours=24 - hour), **told)


def came_to(*facts: ConsentFact, basis: str = "opt_in", **fields: Any) -> tuple[str, int | None]:
    """Why not, and which word decided."""
    asked = {**BY_MAIL, "basis": basis, "expires_at": None, "now": NOW, **fields}
    found = verdict(facts, **asked)
    assert found.is_allowed == (found.why == "")
    return str(found.why), found.consent_event_id


@pytest.mark.req("INT-08")
@pytest.mark.parametrize(
    ("facts", "basis", "outcome"),
    [
        ([], "opt_in", ("no_consent", None)),
        ([], "opt_out", ("", None)),
        ([], "", ("no_consent", None)),
        ([said(1, 1)], "opt_in", ("", 1)),
        ([said(1, 1, medium="sms")], "opt_in", ("no_consent", None)),
        ([said(1, 1, purpose="marketing")], "opt_in", ("no_consent", None)),
        ([said(1, 1), said(2, 2, is_given=False)], "opt_in", ("consent_withdrawn", 2)),
        ([said(1, 2), said(2, 1, is_given=False)], "opt_in", ("", 1)),
        ([said(1, 1), said(2, 2, is_given=False, medium="")], "opt_in", ("consent_withdrawn", 2)),
        ([said(1, 1), said(2, 2, is_given=False, medium="sms")], "opt_in", ("", 1)),
        ([said(1, 1, is_given=False, purpose="")], "opt_out", ("consent_withdrawn", 1)),
        ([said(1, 1), said(2, 1, is_given=False)], "opt_in", ("consent_withdrawn", 2)),
    ],
)
def test_the_latest_word_on_that_medium_and_purpose_stands(
    facts: list[ConsentFact], basis: str, outcome: tuple[str, int | None]
):
    for order in itertools.permutations(facts):
        assert came_to(*order, basis=basis) == outcome


@pytest.mark.req("INT-08")
def test_what_is_no_longer_true_is_not_sent():
    assert came_to(said(1, 1), expires_at=NOW) == ("expired", 1)
    assert came_to(said(1, 1), expires_at=NOW + timedelta(seconds=1)) == ("", 1)
    assert came_to(expires_at=NOW) == ("no_consent", None)


@pytest.mark.parametrize(
    ("text", "pk"),
    [("NR-12", 12), ("12", None), ("NR-", None), ("NR--1", None), ("NR-²", None), ("PO-12", None)],
)
def test_only_the_number_of_a_request_is_one(text: str, pk: int | None):
    assert number_of(text) == pk


def test_nothing_that_was_kept_back_is_queued_again():
    for state in ("withheld", "called_off"):
        assert NOTIFICATION_FLOW.moves_from(state) == {"sent", "delivered", "failed"}


def test_what_a_tenant_starts_with_holds_together_and_tells_nobody_unasked():
    check_terms(DEFAULTS[POLICY])
    assert DEFAULTS[POLICY]["bases"] == {"service": "opt_in", "marketing": "opt_in"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"topics": {}}, "topics"),
        ({"topics": {"order_ready": "spam"}}, "topics.order_ready"),
        ({"topics": {"Order Ready": "service"}}, "topics"),
        ({"bases": {"service": "always", "marketing": "opt_in"}}, "bases.service"),
        ({"bases": {"service": "opt_in"}}, "bases.marketing"),
        ({"bases": {**dict.fromkeys(("service", "marketing", "fun"), "opt_in")}}, "bases.fun"),
        ({"targets": {"pigeon": "crm"}}, "targets.pigeon"),
        ({"targets": {"mail": ""}}, "targets.mail"),
        ({"targets": None}, "targets"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_policy_that_does_not_hold_together_names_its_field(change: dict[str, Any], field: str):
    with pytest.raises(Refused) as refused:
        check_terms({**DEFAULTS[POLICY], **change})

    assert refused.value.field == field
