"""Commands of fulfilment: take backorders in, serve them; allocate orders, swap items."""

from inventory_control.fulfilment.services.allocating import allocate_orders, note_stale_figures
from inventory_control.fulfilment.services.configuring import install_defaults
from inventory_control.fulfilment.services.queueing import queue_backorders
from inventory_control.fulfilment.services.releasing import release_backorder, serve_backorders
from inventory_control.fulfilment.services.substituting import accept_substitute

__all__ = [
    "accept_substitute",
    "allocate_orders",
    "install_defaults",
    "note_stale_figures",
    "queue_backorders",
    "release_backorder",
    "serve_backorders",
]
