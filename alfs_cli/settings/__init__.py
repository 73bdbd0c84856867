"""Values from the command line, variables, files and recipes: read, checked and merged."""
