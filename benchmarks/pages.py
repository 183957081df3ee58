"""Pages: page 1,000 of the queue against page 1, as a signed-in planner and as bare SQL."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import urllib.parse

import httpx

from benchmarks.bench import CHECKOUT, Bench, ratio, say
from benchmarks.clients import median


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """Page 1,000 of the queue against page 1, as a signed-in planner and as bare SQL."""
    told = bench.told
    with httpx.Client(
        base_url=f"http://127.0.0.1:{bench.port}", headers={"Host": told["host"]}, timeout=60
    ) as browser:
        token = browser.get("/login/").text.split('name="csrfmiddlewaretoken" value="')[1]
        signed_in = browser.post(
            "/login/",
            data={
                "csrfmiddlewaretoken": token.split('"')[0],
                "username": "ada",
                "password": told["password"],
            },
        )
        if signed_in.status_code != 302:
            raise RuntimeError(f"signing in answered {signed_in.status_code}")
        deep = f"/exceptions/?after={urllib.parse.quote(told['after'])}"
        html: dict[str, list[float]] = {"first": [], "deep": []}
        for _ in range(10 * options.rounds):
            for name, path in (("first", "/exceptions/"), ("deep", deep)):
                started = time.perf_counter()
                answer = browser.get(path)
                html[name].append(time.perf_counter() - started)
                if answer.status_code != 200 or answer.text.count('name="case"') != 50:
                    raise RuntimeError(f"{path} answered {answer.status_code}")
    timed = subprocess.run(
        [sys.executable, "-m", "benchmarks.deep_sql", told["after"]],
        cwd=CHECKOUT,
        env=dict(bench.product.environments["app"]),
        capture_output=True,
        text=True,
        check=True,
    )
    sql = json.loads(timed.stdout.splitlines()[-1])
    say(f"queue pages: html {median(html['first']):.4f} s, {median(html['deep']):.4f} s; sql {sql}")
    return {
        "deep_page_ratio": ratio(html["deep"], html["first"]),
        "deep_page_sql_ratio": round(sql["deep"] / sql["first"], 3),
    }
