"""The constants of reading files: how far rounding goes, and when a cell or a byte is a mistake."""

from dataclasses import dataclass

from alfs_cli.tuned import tuned


@dataclass(frozen=True)
class Tuning:
    """Limits on rounding errors of probabilities, on cells and texts of tables, on encodings."""

    rounding_deviations: float = tuned(
        6.0, "standard deviations", "the sum of independent rounding errors does not reach further"
    )
    largest_rounding: float = tuned(
        0.25, "probability", "a row that misses 1 by more is too coarse to use, or is not rounded"
    )
    broken_cells: float = tuned(
        0.5, "share of rows", "a column with more cells that are no numbers is a column of text"
    )
    text_words: float = tuned(
        3.0, "words a cell", "names of people and things are shorter, sentences longer"
    )
    text_distinct: float = tuned(
        0.7, "share of the cells", "texts seldom repeat; categories and codes do"
    )
    utf16_zeros: float = tuned(
        0.4, "share of every other byte", "Latin text in UTF-16 is half NUL, other text has none"
    )


TUNING = Tuning()
