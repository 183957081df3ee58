"""A lower price for what has grown old: proposed, agreed to by somebody else, told to pricing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.services import add_connector, deliver_due
from connectors.simulators.server import running, secret_of
from connectors.simulators.state import World
from inventory_control.audit.models import AuditEntry
from inventory_control.catalog.models import Item
from inventory_control.core import clock
from inventory_control.core.actors import Actor
from inventory_control.core.errors import NotPermitted, Refused
from inventory_control.outbox.models import OutboundCommand
from inventory_control.pipeline import run_stage, unsettled
from inventory_control.policies.selectors import current_policy
from inventory_control.stock.selectors import age_of
from inventory_control.timelines.selectors import timeline_of_object
from tests.console.test_pages import sign_in
from tests.factories import SYSTEM, event, item, node, send
from tests.http import Api
from workflows.errors import (
    AlreadyRunningError,
    FactsChangedError,
    InvalidPolicyError,
    SeparationError,
)
from workflows.models import Approval, Request, WorkflowRun
from workflows.selectors import markdown_of
from workflows.services import configure, decide_one, request_markdown
from workflows.values import Markdown, Verdict, WantedMarkdown

YES, NO = Verdict.APPROVED, Verdict.REFUSED


def days_ago(days: int) -> datetime:
    return clock.now() - timedelta(days=days)


@pytest.fixture(autouse=True)
def shop(tenant) -> None:
    """Sixty socks at two stores, the oldest of them 200 days old; each costs 4 and sells for 10."""
    item()
    node()
    node("S2")
    send(
        event("receipt.recorded", 50, occurred_at=days_ago(200)),
        event("sale.recorded", 10, occurred_at=days_ago(150)),
        event("receipt.recorded", 20, node="S2", occurred_at=days_ago(30)),
    )


@pytest.fixture
def ada(person) -> Actor:
    """A planner who asks."""
    return person("Ada", "planner")


@pytest.fixture
def ben(person) -> Actor:
    """A planner who agrees."""
    return person("Ben", "planner")


@pytest.fixture
def pricing(tenant) -> Iterator[World]:
    """The simulated pricing system, connected."""
    world = World()
    with running(world) as url:
        add_connector(
            code="pricing", name="Pricing", adapter="simulator", url=url, secret=secret_of("x"),
            options={}, by=SYSTEM,
        )  # fmt: skip
        yield world


def cheaper(price: str = "7.50", **fields: Any) -> WantedMarkdown:
    return WantedMarkdown(
        **{"item": "SOCK", "price": Decimal(price), "currency": "EUR", "reason": "Last season",
           **fields}
    )  # fmt: skip


def waiting() -> Approval:
    found: Approval = Approval.objects.get(status="waiting")
    return found


def sock() -> Item:
    found: Item = Item.objects.get(sku="SOCK")
    return found


def nothing_was_written() -> bool:
    return not (
        Request.objects.exists() or WorkflowRun.objects.exists() or OutboundCommand.objects.exists()
    )


@pytest.mark.req("LED-26", "WFL-32")
def test_a_price_is_proposed_agreed_to_sent_acknowledged_and_then_set_by_pricing(ada, ben, pricing):
    run = request_markdown(cheaper(), by=ada)

    told = markdown_of(run)
    assert told == Markdown(
        units=60, price=Decimal("10"), proposed=Decimal("7.50"), unit_cost=Decimal("4"),
        currency="EUR",
    )  # fmt: skip
    assert (told.margin_now, told.margin_after, told.margin_effect) == (
        Decimal("360.00"),
        Decimal("210.00"),
        Decimal("-150.00"),
    )
    assert (run.status, run.quantity, run.spend) == ("waiting", 60, Decimal("150.00"))
    assert run.policy == "markdown v1, approval_matrix v1"
    assert run.trace[1]["says"] == "Its oldest unit came in 200 days ago."
    assert (OutboundCommand.objects.count(), sock().unit_price) == (0, 10)

    decide_one(approval=waiting().pk, verdict=YES, reason="Clear it", by=ben)
    deliver_due(by=SYSTEM)
    assert "workflows" in unsettled()
    run_stage("workflows")

    run.refresh_from_db()
    command = OutboundCommand.objects.get()
    assert (command.kind, command.target, command.status) == ("price.markdown", "pricing", "sent")
    assert (command.idempotency_key, run.document) == (f"MD-{run.request_id}",) * 2
    assert command.answer == {"id": f"PRICE-{run.document}", "status": "planned"}
    assert (run.status, run.outcome) == ("done", "Effect confirmed.")
    assert run.trace[-1]["says"] == f"Pricing acknowledged {run.document}."
    taken = pricing.markdowns[run.document]
    assert {name: taken[name] for name in ("sku", "units", "price", "proposed_price")} == {
        "sku": "SOCK", "units": 60, "price": "10.0000", "proposed_price": "7.5000",
    }  # fmt: skip
    assert (taken["currency"], taken["margin_effect"]) == ("EUR", "-150.00")
    assert (taken["reason"], taken["asked_by"], sock().unit_price) == ("Last season", ada.id, 10)

    (news,) = pricing.move_clock(clock.now() + timedelta(days=2))
    send({**news, "occurred_at": clock.now().isoformat()}, source="pricing")
    run_stage("masters")
    assert (news["type"], sock().unit_price) == ("price.changed", Decimal("7.5"))


@pytest.mark.req("LED-26", "APR-04")
def test_whoever_asked_does_not_agree_and_without_agreement_nothing_leaves(ada, ben):
    run = request_markdown(cheaper(), by=ada)

    with pytest.raises(SeparationError):
        decide_one(approval=waiting().pk, verdict=YES, reason="", by=ada)
    deliver_due(by=SYSTEM)
    run_stage("workflows")
    assert (OutboundCommand.objects.count(), waiting().run_id) == (0, run.pk)

    decide_one(approval=waiting().pk, verdict=NO, reason="It sells again in autumn.", by=ben)
    run.refresh_from_db()
    assert (run.status, run.outcome) == ("refused", "It sells again in autumn.")
    assert (OutboundCommand.objects.count(), sock().unit_price) == (0, 10)


@pytest.mark.req("LED-26")
def test_what_gives_up_much_needs_finance_too(ada, ben, person):
    send(event("receipt.recorded", 400))
    run = request_markdown(cheaper("7.50"), by=ada)
    assert run.spend == Decimal("1150.00")

    decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)
    assert (waiting().role, OutboundCommand.objects.count()) == ("finance", 0)
    decide_one(approval=waiting().pk, verdict=YES, reason="", by=person("Flo", "finance"))

    assert OutboundCommand.objects.get().payload["margin_effect"] == "-1150.00"


@pytest.mark.req("LED-26")
def test_no_matrix_lets_a_price_fall_without_anybody():
    value = {**current_policy("approval_matrix").value, "markdown": [{"up_to": None, "roles": []}]}

    with pytest.raises(InvalidPolicyError) as refusal:
        configure(key="approval_matrix", value=value, by=SYSTEM)

    assert refusal.value.field == "markdown"


@pytest.mark.req("LED-26")
def test_the_age_is_that_of_the_oldest_unit_that_is_left():
    found = age_of(sock().pk, at=clock.now())
    assert (found.units, found.oldest_days, found.asked_for) == (60, 200, 0)
    assert (found.has_cover, found.cover_days) == (True, None)

    send(event("sale.recorded", 39, occurred_at=days_ago(100)))
    assert age_of(sock().pk, at=clock.now()).oldest_days == 200
    send(event("sale.recorded", 1, occurred_at=days_ago(100)))
    assert age_of(sock().pk, at=clock.now()).oldest_days == 30


@pytest.mark.req("LED-26")
def test_an_item_is_aged_by_its_cover_too(ada):
    send(
        event("sale.recorded", 40, occurred_at=days_ago(100)),
        event("sale.recorded", 15, node="S2", occurred_at=days_ago(3)),
        event("receipt.recorded", 15, node="S2", occurred_at=days_ago(2)),
    )
    run_stage("availability")
    lasting = age_of(sock().pk, at=clock.now())
    assert (lasting.units, lasting.asked_for, lasting.cover_days) == (20, 15, 120)
    with pytest.raises(Refused, match="SOCK is not aged: markdown v1") as refusal:
        request_markdown(cheaper(), by=ada)
    assert (refusal.value.field, nothing_was_written()) == ("item", True)

    send(event("receipt.recorded", 1))
    run = request_markdown(cheaper(), by=ada)

    assert run.trace[1]["says"] == "Its 21 units last 126 days."


@pytest.mark.req("LED-26")
def test_an_item_that_is_new_is_not_aged_because_nobody_bought_it_yet(ada):
    item("HAT")
    send(event("receipt.recorded", 500, item="HAT", occurred_at=days_ago(89)))

    with pytest.raises(Refused, match="HAT is not aged"):
        request_markdown(cheaper(item="HAT"), by=ada)
    configure(key="markdown", value={"cover_days": 120, "age_days": 88}, by=SYSTEM)

    assert request_markdown(cheaper(item="HAT"), by=ada).spend == Decimal("1250.00")


@pytest.mark.req("LED-26", "INT-13")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"item": "GHOST"}, "item"),
        ({"reason": " "}, "reason"),
        ({"price": Decimal(10)}, "price"),
        ({"price": Decimal(0)}, "price"),
        ({"price": Decimal(-1)}, "price"),
        ({"price": Decimal("7.00001")}, "price"),
    ],
)
def test_a_proposal_that_says_nothing_is_refused_by_field(ada, change, field):
    with pytest.raises(Refused) as refusal:
        request_markdown(cheaper(**change), by=ada)

    assert (refusal.value.field, nothing_was_written()) == (field, True)


def test_an_item_without_a_price_or_without_stock_has_nothing_to_mark_down(ada):
    send(event("sale.recorded", 40), event("sale.recorded", 20, node="S2"))
    with pytest.raises(Refused, match="not aged"):
        request_markdown(cheaper(), by=ada)
    Item.objects.update(unit_price=0)
    with pytest.raises(Refused, match="price of SOCK is not known"):
        request_markdown(cheaper(), by=ada)


def test_one_price_is_proposed_at_a_time_and_only_by_who_may_ask(ada, ben, person):
    request_markdown(cheaper(), by=ada)

    with pytest.raises(AlreadyRunningError):
        request_markdown(cheaper("5"), by=ben)
    with pytest.raises(NotPermitted):
        request_markdown(cheaper("5"), by=person("Aud", "auditor"))


@pytest.mark.req("LED-26")
def test_a_price_that_moved_meanwhile_is_asked_about_anew(ada, ben):
    first = request_markdown(cheaper(), by=ada)
    Item.objects.update(unit_price=Decimal("9"))

    with pytest.raises(FactsChangedError, match=r"It sold for 10\.0000 when it was asked"):
        decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)

    anew = waiting().run
    assert (anew.request_id, anew.spend, anew.quantity) == (first.request_id, Decimal("90.00"), 60)
    told = markdown_of(anew)
    assert told is not None
    assert told.margin_effect == Decimal("-90.00")
    Item.objects.update(unit_price=Decimal("7"))
    with pytest.raises(FactsChangedError, match=r"SOCK sells for 7\.0000 already"):
        decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)
    assert (Approval.objects.filter(status="waiting").count(), OutboundCommand.objects.count()) == (
        0,
        0,
    )


def test_what_was_sold_out_meanwhile_needs_no_price(ada, ben):
    request_markdown(cheaper(), by=ada)
    send(event("sale.recorded", 40), event("sale.recorded", 20, node="S2"))

    with pytest.raises(FactsChangedError, match="Nothing of SOCK is left"):
        decide_one(approval=waiting().pk, verdict=YES, reason="", by=ben)

    assert WorkflowRun.objects.get().status == "stopped"


@pytest.mark.req("LED-26")
def test_a_program_asks_over_the_api_and_the_approver_reads_the_margin():
    api = Api("workflows.request", "workflows.read", "events.read")
    body = {"item": "SOCK", "price": "7.50", "reason": "Last season"}

    status, asked = api.post("markdowns", body)
    _, again = api.post("markdowns", body)
    _, one = api.get(f"approvals/{waiting().pk}")
    refused, problem = api.post("markdowns", {**body, "price": "cheap"})

    margin = {
        "units": 60, "price": "10.0000", "proposed_price": "7.5000", "currency": "EUR",
        "margin_now": "360.00", "margin_after": "210.00", "margin_effect": "-150.00",
    }  # fmt: skip
    assert (status, asked["status"], asked["waits_for"]) == (202, "pending_approval", "planner")
    assert (asked["action"], asked["value"], asked["markdown"]) == ("markdown", "150.00", margin)
    assert again["code"] == "already_running"
    assert (one["markdown"], one["facts"]["unit_price"]) == (margin, "10.0000")
    assert (refused, problem["field"]) == (422, "price")


@pytest.mark.req("LED-26", "EVT-13")
def test_the_item_tells_the_proposal_on_its_timeline(ada, ben, pricing):
    run = request_markdown(cheaper(), by=ada)
    decide_one(approval=waiting().pk, verdict=YES, reason="Clear it", by=ben)
    deliver_due(by=SYSTEM)
    run_stage("workflows")

    timeline = timeline_of_object("item", "SOCK")

    told = [moment.title for moment in timeline.moments if moment.kind not in ("event", "ledger")]
    assert sorted(told) == [
        "Approval approved", "Approval asked", "Price markdown", "Request made", "Run asks",
        "Run carried out", "Run done", "pricing acknowledged",
    ]  # fmt: skip
    assert len([moment for moment in timeline.moments if moment.kind == "event"]) == 3
    made = AuditEntry.objects.get(verb="request.made")
    assert (made.data["price"], made.data["facts"]["units"]) == ("7.5000", 60)
    assert run.request_id is not None


@pytest.mark.req("LED-26")
def test_the_item_s_page_shows_its_age_and_takes_a_price(tenant):
    client = sign_in("planner")
    page = client.get("/approvals/items/SOCK/price/").content.decode()
    assert "200 days" in page
    assert "Its oldest unit came in 200 days ago." in page
    assert "Mark SOCK down" in page

    wrong = client.post("/approvals/items/SOCK/markdown/", {"price": "12", "reason": "x"})
    right = client.post("/approvals/items/SOCK/markdown/", {"price": "7.50", "reason": "Season"})
    after = client.get("/approvals/items/SOCK/price/").content.decode()

    assert (wrong.status_code, right.status_code) == (422, 302)
    assert "price is above 0 and below the present 10." in wrong.content.decode()
    assert "-150.00" in after
    assert "Mark SOCK down" not in after
    assert "/timelines/item/SOCK/" in after


@pytest.mark.req("LED-26", "APR-01")
def test_the_inbox_shows_what_the_lower_price_costs(ben):
    request_markdown(cheaper(), by=ben)

    text = sign_in("planner").get("/approvals/").content.decode()

    for said in ("Mark SOCK down to 7.5 EUR", "7.5 instead of 10 EUR", "-150.00 EUR", "€150"):
        assert said in text


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"cover_days": 0, "age_days": 10}, "cover_days"),
        ({"cover_days": 10, "age_days": "10"}, "age_days"),
        ({"cover_days": 10}, "age_days"),
        ({"cover_days": 10, "age_days": 10, "share": 1}, "share"),
    ],
)
def test_bounds_of_age_that_are_none_are_refused(value, field):
    with pytest.raises(InvalidPolicyError) as refusal:
        configure(key="markdown", value=value, by=SYSTEM)

    assert refusal.value.field == field
