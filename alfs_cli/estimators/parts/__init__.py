"""What estimators share: their interface, counts, bounds and trust."""
