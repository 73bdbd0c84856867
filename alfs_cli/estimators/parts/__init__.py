"""What estimators share: their interface, counts, bounds, trust."""
