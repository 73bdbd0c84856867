"""What is wrong with the files: unreadable pictures, duplicates, labels that contradict them."""
