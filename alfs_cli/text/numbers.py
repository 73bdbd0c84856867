"""Whole numbers as people and files write them; Python's `isdigit` takes more than `int` does."""

MOST_DIGITS = 18  # that surely fit 64 bits
MOST_READ = 4000  # below what Python reads at all
MOST_SEED = 2**64 - 1  # torch's largest


def whole_number(text: str, *, most_digits: int = MOST_DIGITS) -> int | None:
    """Return the number that plain digits write, None for anything else."""
    is_plain = text.isascii() and text.isdigit() and len(text) <= most_digits
    return int(text) if is_plain else None
