"""One reader per form of DATA."""
