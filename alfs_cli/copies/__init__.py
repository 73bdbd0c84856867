"""Copies of a data set with other labels, noisy or cleaned, and the files they are written to."""
