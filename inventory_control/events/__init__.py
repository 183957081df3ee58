"""The inbox: every message that arrived, the canonical events made of them, and what was refused."""
