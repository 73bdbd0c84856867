"""Pictures: opening them safely, decoding them, and keeping pixels in memory or on disk."""
