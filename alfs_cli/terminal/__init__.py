"""Notes, warnings and progress on stderr, and the step summary of a CI runner."""
