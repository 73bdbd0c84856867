"""Copies of a data set under other labels: noisy ones, cleaned ones, and how they are written."""
