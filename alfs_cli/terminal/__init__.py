"""What is shown on stderr and to a runner while a command works."""
