"""A specialist, a reader and an export for EmoNets, to copy."""
