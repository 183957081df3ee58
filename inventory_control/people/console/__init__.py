"""Console doors of people: sign-in and appearance."""
