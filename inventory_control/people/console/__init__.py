"""Console doors of people: signing in and out, the look of the console."""
