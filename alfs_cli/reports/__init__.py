"""One builder per result type: a saved result in, a Report out. No arrays, no torch."""
