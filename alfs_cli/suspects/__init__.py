"""Which labels look wrong: their scores, and the files that list them."""
