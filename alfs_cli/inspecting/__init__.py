"""What is wrong with the files themselves: pictures, copies, labels that contradict each other."""
