"""`python -m inventory_control.demo.stories`: start the product and play story files against it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from inventory_control.core.errors import DomainError
from inventory_control.demo import people
from inventory_control.demo.processes import CHECKOUT
from inventory_control.demo.running import (
    SETUP,
    CommandFailedError,
    Options,
    Product,
    free_port,
    running_product,
)
from inventory_control.embedded import default_data_dir

ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
"""Where the unused sandbox's clock starts; each story gets a sandbox of its own."""


def main(arguments: Sequence[str]) -> int:
    """Play the product's own stories, or those of the folder that is named."""
    folder = [str(Path(argument).absolute()) for argument in arguments[:1]]
    beside = default_data_dir(CHECKOUT)
    options = Options(port=free_port(), data_dir=beside.with_name(f"{beside.name}-stories"))
    try:
        with running_product(options, set_up=_provision) as product:
            return _play(product, folder)
    except DomainError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1


def _play(product: Product, folder: Sequence[str]) -> int:
    try:
        product.command("stories", *folder, "--address", product.address, login=SETUP, say=_say)
    except CommandFailedError:
        # The runner said already which step went wrong; its last line stays the last.
        return 1
    return 0


def _provision(product: Product) -> None:
    product.command(
        "demo_provision",
        f"--people={product.folder.people}",
        f"--hero={people.GENERATED}",
        f"--other={people.OTHER}",
        f"--starts-at={ANY_MOMENT.isoformat()}",
        login=SETUP,
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
