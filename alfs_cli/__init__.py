"""alfs: audit the labels of a data set, and train networks that withstand wrong ones."""

__version__ = "0.1.0"
