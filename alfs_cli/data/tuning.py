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
        "whole numbers without a repeat are ids where random ones would have so many equal pairs, "
        "so that none at all has probability e^-12",
    )
    code_repeats: int = tuned(
        5, "rows per value", "the values of a code repeat, those of a measurement hardly do"
    )
    code_values: int = tuned(
        10, "values", "a code of the labels has at most so many, or twice as many as labels"
    )
    whole_code_values: int = tuned(
        64, "values", "whole numbers with more values are counts or measurements"
    )
    whole_code_repeats: int = tuned(
        20, "rows per value", "that so many rows a value have one label each is not chance"
    )
    equal_values: float = tuned(
        1e-3, "share of a column's range", "values that differ by less differ by rounding"
    )
    code_errors: float = tuned(
        0.002, "share of rows", "a copy of the labels may differ from them in so many, as typed"
    )
    code_label_examples: int = tuned(
        3, "examples", "a label with fewer does not show what the values of a column stand for"
    )
    coincidence_ratio: float = tuned(
        20.0,
        "times",
        "identical rows are copies where they are so much more frequent than in independent "
        "columns",
    )
    alike_features: int = tuned(
        8, "features", "the first ones hold most of the variance, and few make the search fast"
    )
    alike_distance: float = tuned(
        0.1,
        "standard deviations",
        "a picture saved anew moves less, another picture seldom comes so near",
    )
    alike_grid: float = tuned(
        0.005,
        "standard deviations",
        "nearer pictures are one point of the search, so that copies do not fill the nearest few",
    )
    alike_neighbours: int = tuned(8, "points", "a copy is among the nearest few, or is no copy")
    permuted_ratio: float = tuned(
        2.0,
        "times",
        "permuted columns agree more with the labels by so much, noise alone does not",
        benchmark=PERMUTED,
    )
    permuted_share: float = tuned(
        0.05,
        "share of the moved classes' examples",
        "a smaller gain in agreement comes of noise between classes as well",
        benchmark=PERMUTED,
    )
    permuted_deviations: float = tuned(
        4.0, "standard deviations", "a smaller gain in agreement may be chance"
    )
    rare_examples: int = tuned(
        10, "examples", "a class with more is never set aside as too rare to judge"
    )
    rare_share: float = tuned(
        0.1, "share of the median class", "a class with more is never set aside as too rare"
    )
    annotator_rows: int = tuned(
        10, "rows", "in fewer rows annotators may answer 0 and 1 in turn, like a one-hot code"
    )
    id_classes: int = tuned(20, "classes", "a column with fewer labels is never taken for an id")
    id_repeats: int = tuned(5, "rows per label", "the values of an id repeat less often")
    few_trusted: int = tuned(
        50, "examples", "fewer trusted examples leave wide intervals, and a note says so"
    )


TUNING = Tuning()
