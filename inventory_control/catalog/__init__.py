"""What is sold and where it is held: items, nodes, channels, suppliers and planning parameters."""
