"""What the same machine does without the product: reviewed like product code, since every ratio
rests on it."""
