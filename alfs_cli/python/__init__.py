"""What `import alfs_cli as alfs` gives: the same functions as the commands, for programs."""
