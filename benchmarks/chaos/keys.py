"""R4: every writing door of the API, called with one Idempotency-Key by many at once.

First each door alone: so many callers at once send the same write to two web servers, again and
again. Then web servers are killed with SIGKILL in the middle of such writes, and whoever got no
answer asks again until there is one. What the tables hold afterwards must be what a single send
leaves.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from benchmarks.chaos.backstage import (
    Backstage,
    House,
    Prepared,
    Traces,
    Web,
    backstage,
    web_servers,
)
from benchmarks.chaos.insisting import Answer, Caller, Tally, at_once
from benchmarks.chaos.stage import Stage, say
from benchmarks.clients import Call

CROWDS = (2, 8, 32)
"""How many call a door at once."""
TENANTS, PER_TENANT = 4, 6
"""While servers are killed: tenants that are written to side by side, and callers in each."""
WEB_SERVERS, WEB_THREADS = 2, 16
LONGEST_FLIGHT_S = 0.15
"""A server is killed at most so long after the callers began."""
RELEASED_WITHIN_S = 10.0
"""How long a caller may have to ask on after a server was killed."""
MISSES = 3
"""A kill that cut no call in the middle is made good by another, at most so many for each."""
WRONG = ("wrong_effects", "wrong_answers", "crossed", "hanging_keys", "server_faults")


@dataclass(slots=True)
class Drill:
    """Those who prepare, call and serve, and what a single send of each door leaves."""

    behind: Backstage
    webs: Sequence[Web]
    callers: Sequence[Caller]
    tally: Tally
    effects: dict[str, Traces] = field(default_factory=dict)
    longest_wait_s: float = 0.0


def run(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    """Try every door with many callers, then while servers die."""
    rng, tally = random.Random(options.seed), Tally()
    with (
        backstage(stage.product, TENANTS + 1) as behind,
        web_servers(stage.product, WEB_SERVERS, WEB_THREADS) as webs,
    ):
        ports = [web.port for web in webs]
        drill = Drill(behind, webs, [Caller(ports, tally) for _ in range(max(CROWDS))], tally)
        began = time.monotonic()
        for door in behind.doors:
            _try_door(drill, door, options.sends)
        tried_s, counts = time.monotonic() - began, tally.counts
        say(f"R4: {len(drill.effects)} doors, {counts['sends']} sends in {tried_s:.0f} s")
        began = time.monotonic()
        doors = itertools.cycle(rng.sample(behind.doors, len(behind.doors)))
        for number in range(options.web_kills * MISSES):
            if counts["kills"] == options.web_kills:
                break
            _die_in_flight(drill, list(itertools.islice(doors, TENANTS)), number, rng)
        killed_s = time.monotonic() - began
    result: dict[str, Any] = {
        "drill": "R4",
        "doors": len(drill.effects),
        "left_out": behind.left_out,
        "sends_a_door": sum(CROWDS) * options.sends,
        **{name: counts[name] for name in ("sends", "replays", "told_running", "refused_bodies")},
        **{name: counts[name] for name in ("kills", "writes", "cut")},
        "longest_wait_seconds": round(drill.longest_wait_s, 2),
        **{name: counts[name] for name in WRONG},
        "seconds": [round(tried_s), round(killed_s)],
    }
    result["ok"] = (
        not any(counts[name] for name in WRONG)
        and counts["refused_bodies"] == len(drill.effects) > 0
        and counts["kills"] == options.web_kills
    )
    return result


def _try_door(drill: Drill, door: str, sends: int) -> None:
    """Call a door alone to learn what it leaves, then by crowds that must leave the same."""
    behind, (house, *_, neighbour) = drill.behind, drill.behind.houses
    for count in (1, *CROWDS):
        prepared = behind.prepare(house, door)
        before, call = behind.traces(house), _call(prepared, house, door)
        times = 1 if count == 1 else sends
        answers = at_once(
            [
                partial(caller.repeat, call, first=turn, times=times)
                for turn, caller in enumerate(drill.callers[:count])
            ]
        )
        originals = _judge(drill, f"{door} by {count}", list(itertools.chain(*answers)))
        if originals != 1:
            drill.tally.fault("wrong_answers", f"{door} by {count}: {originals} first answers")
        _hold_against(drill, door, f"by {count}", _change(before, behind.traces(house)))
    _refuse_another_body(drill, house, call, door)
    _leave_others_alone(drill, call, prepared, neighbour, door)


def _die_in_flight(drill: Drill, doors: Sequence[str], number: int, rng: random.Random) -> None:
    """Kill a web server while several doors are called; the calls go on until all are answered."""
    behind, tally = drill.behind, drill.tally
    places = list(zip(behind.houses[:TENANTS], doors, strict=True))
    calls = [_call(behind.prepare(house, door), house, door) for house, door in places]
    before = [behind.traces(house) for house, _ in places]
    for caller in drill.callers:
        caller.hang_up()
    web, cut = drill.webs[number % WEB_SERVERS], tally.counts["cut"]
    killer = threading.Timer(rng.uniform(0, LONGEST_FLIGHT_S), web.process.kill)
    killer.start()
    answers = at_once(
        [
            partial(caller.repeat, calls[turn % TENANTS], first=turn // TENANTS, times=1)
            for turn, caller in enumerate(drill.callers[: TENANTS * PER_TENANT])
        ]
    )
    killer.join()
    web.process.start()
    tally.add("kills", tally.counts["cut"] > cut)
    for place, (house, door) in enumerate(places):
        mine = list(itertools.chain(*answers[place::TENANTS]))
        tally.add("writes")
        waited = max(one.seconds for one in mine)
        drill.longest_wait_s = max(drill.longest_wait_s, waited)
        if waited > RELEASED_WITHIN_S:
            tally.fault("hanging_keys", f"{door} was answered after {waited:.1f} s")
        originals = _judge(drill, f"{door} with a kill", mine)
        if originals > 1:
            tally.fault("wrong_answers", f"{door} with a kill: {originals} first answers")
        _hold_against(drill, door, "with a kill", _change(before[place], behind.traces(house)))
    web.wait()


def _judge(drill: Drill, what: str, answers: Sequence[Answer]) -> int:
    """Hold answers against each other, which must be one; returns how many are no replay."""
    for answer in answers:
        if answer.status == 0:
            drill.tally.fault("hanging_keys", f"{what}: no answer")
        elif answer.status >= 500:
            drill.tally.fault("server_faults", f"{what}: {answer.status} {answer.content[:300]!r}")
        elif not answer.is_good:
            drill.tally.fault("wrong_answers", f"{what}: {answer.status} {answer.content[:300]!r}")
    said = {(answer.status, answer.content) for answer in answers if answer.is_good}
    if len(said) > 1:
        drill.tally.fault("wrong_answers", f"{what}: {len(said)} answers to one write")
    return sum(not answer.is_replay for answer in answers)


def _hold_against(drill: Drill, door: str, how: str, found: Traces) -> None:
    """Compare what is left with what a single send left; the first of a door is that."""
    wanted = drill.effects.setdefault(door, found)
    if found != wanted:
        names = sorted(name for name in found | wanted if found.get(name, 0) != wanted.get(name, 0))
        told = ", ".join(f"{name} {wanted.get(name, 0)} -> {found.get(name, 0)}" for name in names)
        drill.tally.fault("wrong_effects", f"{door} {how}: {told}")


def _refuse_another_body(drill: Drill, house: House, call: Call, door: str) -> None:
    """The same key with another body is refused and leaves nothing."""
    before = drill.behind.traces(house)
    body = json.loads(call.body or b"{}")
    other = [*body, {"other": 1}] if isinstance(body, list) else {**body, "other": 1}
    answer = drill.callers[0].insist(replace(call, body=json.dumps(other).encode()))
    if answer.status == 422 and answer.says(b"idempotency_key_reused"):
        drill.tally.add("refused_bodies")
    if change := _change(before, drill.behind.traces(house)):
        drill.tally.fault("wrong_effects", f"{door} with another body: {change}")


def _leave_others_alone(
    drill: Drill, call: Call, prepared: Prepared, neighbour: House, door: str
) -> None:
    """The same key of another user, or in another tenant, is another key."""
    there = drill.behind.prepare(neighbour, door)
    others = {
        "another user": replace(call, headers=_headers(prepared.other_key, door)),
        "another tenant": _call(there, neighbour, door),
    }
    for who, theirs in others.items():
        answer = drill.callers[0].insist(theirs)
        is_known = answer.is_replay or b'"idempotency_key_' in answer.content
        if is_known or (who == "another tenant" and not answer.is_good):
            drill.tally.fault("crossed", f"{door} of {who}: {answer}")


def _change(before: Traces, after: Traces) -> Traces:
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


def _call(prepared: Prepared, house: House, key: str) -> Call:
    return Call(
        prepared.method,
        prepared.path,
        house.host,
        prepared.body.encode(),
        _headers(prepared.key, key),
    )


def _headers(key: str, idempotency_key: str) -> tuple[tuple[str, str], ...]:
    return (
        ("Authorization", f"Bearer {key}"),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", idempotency_key),
    )
