"""What the replay sends, and that a second run sends the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

from inventory_control.demo.replay import (
    Api,
    Cast,
    Journal,
    OtherScriptError,
    Player,
    ReplayError,
    demand_bodies,
    return_bodies,
    reversal_bodies,
)
from inventory_control.demo.script import (
    REST,
    SOURCE,
    Catalog,
    Demand,
    Fact,
    Return,
    Reversal,
    Script,
    Stretch,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PROMOTION = {"type": "promotion.changed", "source": "campaigns", "source_id": "incident-1"}
LINE = Demand("O-1", "1", "MUG", "DC-1", "web", 5, NOON, customer="c-1")


def brief(bodies) -> list[tuple]:
    return [
        (body["type"], body["source"], body["source_id"], body.get("quantity")) for body in bodies
    ]


@pytest.mark.parametrize(
    ("granted", "sent"),
    [
        (5, [("order.shipped", SOURCE, "O-1/1", 5)]),
        (
            2,
            [("order.shipped", SOURCE, "O-1/1", 2), ("demand.lost", REST, "O-1/1/lost", 3)],
        ),
        (0, [("demand.lost", SOURCE, "O-1/1", 5)]),
    ],
)
def test_what_is_granted_ships_and_the_rest_is_lost(granted, sent):
    assert brief(demand_bodies(LINE, granted)) == sent


def test_a_reversal_corrects_both_parts_and_releases_the_claim():
    reversal = Reversal("C-1/1", LINE, is_live=True, occurred_at=NOON)

    sent = list(reversal_bodies(reversal, 2))

    assert brief(sent) == [
        ("event.corrected", SOURCE, "C-1/1", None),
        ("event.corrected", REST, "C-1/1/lost", None),
        ("order.cancelled", REST, "C-1/1/released", 2),
    ]
    assert sent[0]["corrects"] == {"source": SOURCE, "source_id": "O-1/1"}
    assert sent[1]["corrects"] == {"source": REST, "source_id": "O-1/1/lost"}


def test_a_reversal_of_the_history_is_one_correction():
    reversal = Reversal("C-1/1", LINE, is_live=False, occurred_at=NOON)

    assert brief(reversal_bodies(reversal, 5)) == [("event.corrected", SOURCE, "C-1/1", None)]


def test_a_return_of_a_lost_line_is_not_applicable():
    entry = Return("C-1/1", LINE, "MUG", "DC-1", 5, NOON)

    (sent,) = return_bodies(entry, 0)

    assert (sent["type"], sent["reason"]) == ("customer.signalled", "return_of_lost_line")


class Product:
    """A stand-in that keeps what it was sent and has three units of everything."""

    def __init__(self) -> None:
        self.now = NOON - timedelta(hours=12)
        self.events: dict[tuple[str, str], dict] = {}
        self.asked = 0
        self.left = 3
        self.refused = ""
        self.told: dict[str, dict] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1/")
        if path == "sandbox/clock" and request.method == "POST":
            body = msgspec.json.decode(request.content)
            self.now = datetime.fromisoformat(body.get("to", self.now.isoformat()))
        if path == "sandbox/clock":
            return httpx.Response(200, json={"now": self.now.isoformat()})
        if path == "reservations":
            return httpx.Response(200, json={"lines": self._reserve(request)})
        if path == "notification-requests":
            body = msgspec.json.decode(request.content)
            assert self.told.setdefault(request.headers["idempotency-key"], body) == body
        if path == "events/bulk":
            return httpx.Response(200, json={"results": self._post(request)})
        return httpx.Response(200, json={"results": [], "rows": 0})

    def _reserve(self, request: httpx.Request) -> list[dict]:
        answers = []
        for line in msgspec.json.decode(request.content)["lines"]:
            self.asked += 1
            granted = min(self.left, line["quantity"])
            self.left -= granted
            answers.append({"key": f"{line['order']}/{line['line']}", "granted": granted})
        return answers

    def _post(self, request: httpx.Request) -> list[dict]:
        plain = httpx.Response(
            200, content=request.content, headers={"Content-Encoding": "gzip"}
        ).content
        answers = []
        for row in plain.splitlines():
            event = msgspec.json.decode(row)
            if event["source"] == self.refused:
                answers.append({"outcome": "quarantined", "detail": "It lacks a code."})
                continue
            key = (event["source"], event["source_id"])
            known = self.events.setdefault(key, event)
            assert known == event, "the same id with other content"
            answers.append({"outcome": "posted" if known is event else "duplicate"})
        return answers


def script(*more: Fact) -> Script:
    start = NOON - timedelta(hours=12)
    other = Demand("O-2", "1", "MUG", "DC-1", "web", 4, NOON, customer="c-2")
    return Script(
        name="two lines",
        digest="d",
        catalog=Catalog((), (), (), ()),
        stretches=(Stretch(start, start + timedelta(days=1), True, (LINE, other, *more)),),
        rows=2,
        tells="web",
    )


def play(product: Product, path, *more: Fact) -> Player:
    transport = httpx.MockTransport(product)
    api = Api("http://product", "alder.localhost", "key", transport)
    return Player(script(*more), Cast(api, api, api), Journal(path, "d"))


def test_a_second_run_posts_nothing_new_though_stock_came_meanwhile(tmp_path):
    product = Product()
    first = play(product, tmp_path / "journal").play()
    product.left = 100

    second = play(product, tmp_path / "journal").play()

    assert first.outcomes == {"posted": 3}
    assert second.outcomes == {"duplicate": 3}
    assert product.asked == 2


def test_a_row_may_be_refused_but_nothing_else_may(tmp_path):
    product = Product()
    product.refused = SOURCE

    played = play(product, tmp_path / "journal").play()

    assert played.outcomes == {"quarantined": 2, "posted": 1}
    product.refused = "campaigns"
    with pytest.raises(ReplayError, match="campaigns incident-1: quarantined, It lacks a code"):
        play(product, tmp_path / "another", Fact(PROMOTION)).play()


def test_customers_are_told_once_what_of_their_orders_does_not_come(tmp_path):
    product = Product()

    for _ in range(2):
        play(product, tmp_path / "journal").play()

    common = {"topic": "order_cancelled", "medium": "mail", "item": "MUG"}
    assert product.told == {
        "O-1/1/cancelled": {
            **common, "customer": "c-1", "order": "O-1", "parameters": {"ordered": 5, "missing": 2},
        },
        "O-2/1/cancelled": {
            **common, "customer": "c-2", "parameters": {"ordered": 4, "missing": 4},
        },
    }  # fmt: skip


def test_another_script_is_refused(tmp_path):
    Journal(tmp_path / "journal", "d")

    with pytest.raises(OtherScriptError):
        Journal(tmp_path / "journal", "e")


def test_a_journal_cut_off_in_a_line_keeps_the_days_before(tmp_path):
    journal = Journal(tmp_path / "journal", "d")
    journal.keep("2026-03-02", {"O-1/1": 3})
    with (tmp_path / "journal").open("ab") as file:
        file.write(b'\n{"day":"2026-03-03","granted":{"O-2/1"')

    again = Journal(tmp_path / "journal", "d")
    again.keep("2026-03-04", {"O-3/1": 1})

    assert Journal(tmp_path / "journal", "d").granted == {
        "2026-03-02": {"O-1/1": 3},
        "2026-03-04": {"O-3/1": 1},
    }
