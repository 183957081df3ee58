"""`python -m connectors.simulators`: run the simulated systems on a port until stopped."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from connectors.simulators.server import Told, serve
from connectors.simulators.state import World


def main() -> int:
    """Serve; the port chosen is the first line of the output."""
    parser = argparse.ArgumentParser(description="A simulated ERP, warehouse and channels.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--webhook", required=True, help="where events are told")
    parser.add_argument("--host", required=True, help="Host header of the tenant")
    parser.add_argument("--secret", required=True, help="signing secret, whsec_…")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--told-at", type=int, help="hour at which the day's events are told")
    parser.add_argument("--memory", type=Path, help="file that keeps what was instructed and told")
    options = parser.parse_args()
    server = serve(
        port=options.port,
        world=World(seed=options.seed, told_at=options.told_at),
        told=Told(options.webhook, options.host, options.secret),
        memory=options.memory,
    )
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
