"""Console doors of items: where they are, what may be sold, and how each number is made."""
