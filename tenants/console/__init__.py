"""Console doors of tenants: the brand, and the partner's board."""
