"""Figures computed from stored rows; reads everything, writes only its own snapshots."""
