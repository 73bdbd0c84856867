"""Runs side by side: means over seeds, the paper's figures beside them, what got worse."""

from alfs_cli.compare.comparison import (
    Accuracy,
    ComparedLoss,
    Comparison,
    Course,
    PaperFigure,
    compare,
    courses,
    find_runs,
    not_worse,
)
from alfs_cli.compare.regression import Regression, regressions

__all__ = [
    "Accuracy",
    "ComparedLoss",
    "Comparison",
    "Course",
    "PaperFigure",
    "Regression",
    "compare",
    "courses",
    "find_runs",
    "not_worse",
    "regressions",
]
