"""Counts that are made in one pass over probabilities, block by block, and merged."""
