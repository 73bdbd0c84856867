"""The constants of reading a data set: when columns, rows and classes are not what they seem.

They decide whether data are refused, left out, counted once or remarked on.
"""

from dataclasses import dataclass

from alfs_cli.tuned import tuned

PERMUTED = "benchmarks/permuted.py"


@dataclass(frozen=True)
class Tuning:
    """Limits on columns, codes, copies, permutations of columns, and small numbers of examples."""

    fewest_rows: int = tuned(
        20, "rows", "in fewer rows a column may follow the rows or the labels by chance"
    )
    surprising_pairs: float = tuned(
        12.0,
        "pairs",
        "whole numbers that never repeat are ids if random ones would form so many equal pairs: "
        "the probability of none is e^-12",
    )
    code_repeats: int = tuned(
        5, "rows per value", "the values of a code repeat, those of a measurement hardly do"
    )
    code_values: int = tuned(
        10, "values", "a code of the labels has no more, or at most two for each label"
    )
    whole_code_values: int = tuned(
        64, "values", "whole numbers with more values are counts or measurements"
    )
    whole_code_repeats: int = tuned(
        20, "rows per value", "fewer rows of one value may have the same label by chance"
    )
    equal_values: float = tuned(
        1e-3, "share of a column's range", "smaller differences between values are rounding errors"
    )
    code_errors: float = tuned(
        0.002, "share of rows", "a copy of the labels may differ in as many by typing errors"
    )
    code_label_examples: int = tuned(
        3, "examples", "a label with fewer examples does not show what its values stand for"
    )
    coincidence_ratio: float = tuned(
        20.0,
        "times",
        "identical rows are copies if they are so many times more frequent than by chance",
    )
    alike_features: int = tuned(
        8, "features", "the first principal components find near pictures, and few are fast"
    )
    alike_distance: float = tuned(
        0.1,
        "standard deviations",
        "saving a picture again moves it less, and few other pictures are so near",
    )
    alike_grid: float = tuned(
        0.005,
        "standard deviations",
        "nearer pictures are one point of the search, so that copies do not crowd out others",
    )
    alike_neighbours: int = tuned(8, "points", "a copy is among the nearest few points")
    permuted_ratio: float = tuned(
        2.0,
        "times",
        "noise alone seldom makes another order of columns fit so many times better",
        benchmark=PERMUTED,
    )
    permuted_share: float = tuned(
        0.05,
        "share of the moved classes' examples",
        "noise alone can cause a smaller gain in agreement",
        benchmark=PERMUTED,
    )
    permuted_deviations: float = tuned(
        4.0, "standard deviations", "a smaller gain in agreement may be chance"
    )
    moved_places: int = tuned(
        10, "rows", "rows that were dropped or read twice move those behind them by so many"
    )
    moved_deviations: float = tuned(
        6.0,
        "standard deviations",
        "the best of all runs of rows, moved by any number of places, may gain less by chance",
    )
    moved_share: float = tuned(
        0.25,
        "share of the labels that neither the given nor a random order fits",
        "a batch of flipped labels gains by any other order, and no more than by a random one",
    )
    chance_deviations: float = tuned(
        2.0, "standard deviations", "an agreement that is higher is hardly chance"
    )
    rare_examples: int = tuned(
        10, "examples", "with so many, a class is judged however large the others are"
    )
    rare_share: float = tuned(
        0.1, "share of the median class", "a class of usual size is judged in small data too"
    )
    annotator_rows: int = tuned(
        10, "rows", "in fewer rows the answers 0 and 1 of annotators may look like a one-hot code"
    )
    id_classes: int = tuned(20, "classes", "a column with fewer labels is never taken for an id")
    id_repeats: int = tuned(5, "rows per label", "the values of an id repeat less often")
    most_levels: int = tuned(
        50, "values", "a column of more is a name, a code or an address, and costs as many features"
    )
    level_rows: int = tuned(5, "rows", "a value of fewer rows tells nothing of its labels")
    few_trusted: int = tuned(
        50, "examples", "fewer trusted examples give wide intervals, and a note says so"
    )


TUNING = Tuning()
