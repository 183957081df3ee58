"""Console doors of fulfilment: who waits for stock, and giving it to one of them."""
