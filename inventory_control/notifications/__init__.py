"""What customers are told: asked for, checked against their consent, sent, and followed."""
