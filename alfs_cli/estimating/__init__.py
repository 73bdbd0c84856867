"""From DATA to a finished estimate: in memory, or in passes over what memory does not hold."""
