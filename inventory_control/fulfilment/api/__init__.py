"""REST doors of fulfilment."""
