"""Python's collector of cycles, told what a long-lived process knows better."""

from __future__ import annotations

import gc


def spare_what_is_loaded() -> None:
    """Have the collector leave alone what was loaded by now, and look less often.

    What is loaded when a process begins to serve stays for good: nobody need walk a Django's worth of
    objects while a till waits or a stage looks. What a request or a look makes is mostly gone with
    it, so looking for cycles can wait longer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
