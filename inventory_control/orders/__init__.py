"""Documents that will move stock: purchase orders, transfers, receipts."""
