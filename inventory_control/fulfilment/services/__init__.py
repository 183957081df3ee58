"""Commands of fulfilment: take backorders in, serve them."""

from inventory_control.fulfilment.services.configuring import install_defaults
from inventory_control.fulfilment.services.queueing import queue_backorders
from inventory_control.fulfilment.services.releasing import serve_backorders

__all__ = [
    "install_defaults",
    "queue_backorders",
    "serve_backorders",
]
