"""Drills: disorder, crashes, repeats and races against the running product."""
