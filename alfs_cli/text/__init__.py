"""Text as people write it and as terminals show it."""
