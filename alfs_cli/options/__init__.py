"""The options that commands share, and how a command line becomes plain values."""
