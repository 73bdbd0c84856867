"""What a check can find: the table of rules, and findings in the files themselves."""
