"""Text: numbers, names and cells, read and written, and made safe to show."""
