"""The story runner: plays a script against a sandbox tenant, through the HTTP API only."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from inventory_control.stories.rules import difference, filled, pick
from inventory_control.stories.values import Step, Story, as_json

_MOMENT = re.compile(r"^T(?P<sign>[+-])(?P<number>\d+)(?P<unit>[smhd])$")
MASTER_DATA = ("suppliers", "nodes", "items", "channels", "item-nodes", "substitutes")
"""What a story may bring, in the order it is sent."""
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class StepFailedError(Exception):
    """A step did not go as the story says; the text names what was found."""


class WaitsForError(Exception):
    """The step needs a part of the product that comes later; the text names it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One write of a story, literally, so that it can be sent again."""

    who: str
    method: str
    path: str
    content: bytes
    headers: Mapping[str, str]
    status: int


@dataclass(slots=True)
class Told:
    """How one story went: a line per step, and how many passed, failed or wait."""

    story: str
    passed: int = 0
    failed: int = 0
    waiting: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def is_ok(self) -> bool:
        """Whether nothing failed."""
        return self.failed == 0


class Runner:
    """Plays stories against one tenant.

    `keys` maps each name under `people` to an API key; `address` is the tenant's address, `host`
    overrides the Host header where the name does not resolve. Moments are written `T+3h`, `T-2d`:
    T is the product time at which the story began. `transport` replaces the network in tests.
    `simulator` is the address of the simulated shops, for stories that look there.
    """

    def __init__(
        self,
        *,
        address: str,
        keys: Mapping[str, str],
        host: str | None = None,
        seed: int = 7,
        transport: httpx.BaseTransport | None = None,
        simulator: str = "",
    ) -> None:
        self._keys = keys
        headers = {"Host": host} if host else {}
        self._http = httpx.Client(
            base_url=address, headers=headers, timeout=180, transport=transport
        )
        self._shops = simulator
        self._random = random.Random(seed)  # noqa: S311 - shuffles deliveries, guards nothing
        self._variables: dict[str, Any] = {}
        self._began = datetime.min.replace(tzinfo=UTC)
        self._story = ""
        self._sent: list[Sent] = []

    def play(self, story: Story, say: Callable[[str], None]) -> Told:
        """Play every step until one fails, then send everything again.

        The rest of a failed story is not played. The second sending, with the same event ids and
        the same Idempotency-Keys, must leave the tenant as it was.
        """
        told = Told(story.key)
        self._variables, self._sent, self._story = {}, [], story.key
        try:
            clock = self._ask("integrator", "GET", "sandbox/clock")
            self._began = datetime.fromisoformat(clock["now"])
            self._set_up(story)
        except (StepFailedError, httpx.HTTPError) as error:
            told.failed += 1
            self._tell(told, say, f"{story.key}.0 FAILED setting the stage: {error}")
            return told
        for step in story.steps:
            try:
                self._play(step)
            except WaitsForError as error:
                told.waiting += 1
                self._tell(told, say, f"{story.key}.{step.number} waits for {error}")
                continue
            except (StepFailedError, httpx.HTTPError, KeyError) as error:
                told.failed += 1
                self._tell(told, say, f"{story.key}.{step.number} FAILED {step.says}: {error}")
                break
            told.passed += 1
            self._tell(told, say, f"{story.key}.{step.number} ok {step.says}")
        if told.is_ok:
            self._play_again(told, say)
        return told

    def _play_again(self, told: Told, say: Callable[[str], None]) -> None:
        """Send every write again, literally, and compare the tenant's fingerprint."""
        try:
            self._ask("integrator", "POST", "sandbox/clock", {})
            before = self._ask("integrator", "GET", "sandbox/state")["parts"]
            for sent in tuple(self._sent):
                self._send_again(sent)
            self._ask("integrator", "POST", "sandbox/clock", {})
            after = self._ask("integrator", "GET", "sandbox/state")["parts"]
            changed = [
                f"{part} from {before[part]} to {after[part]}"
                for part in sorted(before)
                if before[part] != after[part]
            ]
            if changed:
                raise StepFailedError(f"the second time changed {', '.join(changed)}")
        except (StepFailedError, httpx.HTTPError) as error:
            told.failed += 1
            self._tell(told, say, f"{told.story}.again FAILED: {error}")
            return
        told.passed += 1
        again = f"{len(self._sent)} writes sent again with the same keys changed nothing"
        self._tell(told, say, f"{told.story}.again ok {again}")

    def _send_again(self, sent: Sent) -> None:
        headers = {**self._headers(sent.who), **sent.headers}
        answer = self._http.request(sent.method, sent.path, content=sent.content, headers=headers)
        if sent.status >= 400:  # refused then; refused again, or mended and posted since
            is_fine = answer.status_code >= 400 or _is_duplicate(answer)
        else:
            is_known = sent.path.endswith("/events/bulk") or "Idempotent-Replay" in answer.headers
            is_fine = is_known and answer.status_code == sent.status
        if not is_fine:
            raise StepFailedError(
                f"{sent.method} {sent.path} answered {sent.status} first, then "
                f"{answer.status_code} {answer.text[:300]}"
            )

    def _set_up(self, story: Story) -> None:
        """Send the master data and the policies the story starts from."""
        for noun in MASTER_DATA:
            if rows := story.catalog.get(noun):
                self._ask("integrator", "PUT", f"catalog/{noun}", list(rows))
        for key, value in story.policies.items():
            self._ask("admin", "PUT", f"policies/{key}", value)

    def _play(self, step: Step) -> None:
        if step.kind == "waits_for":
            raise WaitsForError(str(step.body))
        body = self._timed(filled(step.body, self._variables))
        kind = step.kind
        if kind == "call":
            self._call(step.who, body)
        elif kind == "events":
            self._send(step.who, body)
        elif kind == "clock":
            self._ask("integrator", "POST", "sandbox/clock", {"to": body})
        elif kind == "settle":
            self._ask("integrator", "POST", "sandbox/clock", {})
        elif kind == "simulator":
            self._look_at_shops(body)
        else:
            self._expect(step.who, body)

    def _call(self, who: str, body: Mapping[str, Any]) -> None:
        """`call: {method, path, body?, status?, is?, keep?}`."""
        status, answer = self._exchange(
            who, body.get("method", "POST"), body["path"], body.get("body")
        )
        wanted = body.get("status", 200 if body.get("method") == "GET" else None)
        is_fine = status == wanted if wanted is not None else 200 <= status < 300
        if not is_fine:
            raise StepFailedError(f"{body['path']} answered {status} {as_json(answer)[:400]}")
        self._compare(body, answer)

    def _look_at_shops(self, body: Mapping[str, Any]) -> None:
        """`simulator: {path, body?, is?, keep?}`: what the other side itself has, or a fault of it;
        with a body it is posted.
        """
        method = "POST" if "body" in body else "GET"
        address = f"{self._shops}/{body['path']}"
        response = httpx.request(method, address, json=body.get("body"), timeout=30)
        if response.status_code != 200:
            raise StepFailedError(f"{body['path']} answered {response.status_code}")
        self._compare(body, response.json())

    def _expect(self, who: str, body: Mapping[str, Any]) -> None:
        """`expect: {path, is, keep?}`: read and compare."""
        answer = self._ask(who, "GET", body["path"])
        self._compare(body, answer)

    def _compare(self, body: Mapping[str, Any], answer: Any) -> None:
        fault = difference(body["is"], answer) if "is" in body else None
        if fault:
            raise StepFailedError(fault)
        for name, path in body.get("keep", {}).items():
            self._variables[name] = pick(answer, path)

    def _send(self, who: str, body: Mapping[str, Any]) -> None:
        """`events: {send: [...], deliveries?, shuffled?, threads?, counts?}`."""
        rows = [msgspec.json.encode(row) for row in body["send"]] * int(body.get("deliveries", 1))
        if body.get("shuffled"):
            self._random.shuffle(rows)
        threads = int(body.get("threads", 1))
        parts = [rows[start::threads] for start in range(threads)]
        answers: list[Any] = []
        faults: list[Exception] = []

        def deliver(part: list[bytes]) -> None:
            try:
                if threads == 1:
                    answers.append(self._bulk(who, part))
                else:
                    answers.extend(self._bulk(who, [row]) for row in part)
            except (StepFailedError, httpx.HTTPError) as error:
                faults.append(error)

        workers = [threading.Thread(target=deliver, args=(part,)) for part in parts if part]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if faults:
            raise faults[0]
        counts: dict[str, int] = {}
        for answer in answers:
            for outcome, number in answer["counts"].items():
                counts[outcome] = counts.get(outcome, 0) + number
        fault = difference(body.get("counts", {}), counts, "counts")
        if fault:
            details = [row for answer in answers for row in answer["results"] if "detail" in row]
            raise StepFailedError(f"{fault}; {as_json(details)[:400]}")

    def _bulk(self, who: str, rows: list[bytes]) -> Any:
        content, headers = b"\n".join(rows), {"Content-Type": "application/x-ndjson"}
        response = self._http.post(
            "/api/v1/events/bulk", content=content, headers={**self._headers(who), **headers}
        )
        self._sent.append(
            Sent(who, "POST", "/api/v1/events/bulk", content, headers, response.status_code)
        )
        if response.status_code != 200:
            raise StepFailedError(
                f"events/bulk answered {response.status_code} {response.text[:400]}"
            )
        return response.json()

    def _ask(self, who: str, method: str, path: str, body: Any = None) -> Any:
        status, answer = self._exchange(who, method, path, body)
        if not 200 <= status < 300:
            raise StepFailedError(f"{path} answered {status} {as_json(answer)[:400]}")
        return answer

    def _exchange(self, who: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        content = b"" if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"}
        is_kept = method in WRITES and path != "sandbox/clock"
        if is_kept:
            headers["Idempotency-Key"] = f"{self._story}-{len(self._sent)}"
        response = self._http.request(
            method, f"/api/v1/{path}", content=content, headers={**self._headers(who), **headers}
        )
        if is_kept:
            self._sent.append(
                Sent(who, method, f"/api/v1/{path}", content, headers, response.status_code)
            )
        try:
            return response.status_code, response.json()
        except ValueError:
            return response.status_code, response.text

    def _headers(self, who: str) -> dict[str, str]:
        if who not in self._keys:
            raise StepFailedError(f"nobody is called {who}; add them under people")
        return {"Authorization": f"Bearer {self._keys[who]}"}

    def _timed(self, value: Any) -> Any:
        """Turn every `T+3h` into a moment."""
        if isinstance(value, Mapping):
            return {key: self._timed(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._timed(one) for one in value]
        found = _MOMENT.match(value) if isinstance(value, str) else None
        if found is None:
            return value
        span = timedelta(**{_UNITS[found["unit"]]: int(found["number"])})
        moment = self._began + span if found["sign"] == "+" else self._began - span
        return moment.isoformat()

    @staticmethod
    def _tell(told: Told, say: Callable[[str], None], line: str) -> None:
        told.lines.append(line)
        say(line)


def _is_duplicate(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and b'"outcome":"duplicate"' in answer.content
