"""What may be sold, per node and channel, and what each channel was told."""
