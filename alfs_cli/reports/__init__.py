"""One builder per type of result: it takes a result and returns a Report. No arrays, no torch."""
