"""Settings from the command line, variables, files and recipes: reading, checking, merging."""
