"""Settings: base holds everything, the other modules say only what differs."""
