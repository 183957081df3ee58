"""Pushing: how long after its posting an event's figure is acknowledged by the channel."""

from __future__ import annotations

import argparse

from benchmarks.bench import Bench


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, float]:
    """Seconds; nothing yet."""
    del bench, options
    return {}
