"""Comparison of runs: means over seeds, the paper's accuracies, and regressions."""

from alfs_cli.comparing.comparison import (
    Accuracy,
    ComparedLoss,
    Comparison,
    Course,
    OnTrueLabels,
    PaperFigure,
    compare,
    courses,
    find_runs,
    not_worse,
)
from alfs_cli.comparing.regression import Regression, regressions

__all__ = [
    "Accuracy",
    "ComparedLoss",
    "Comparison",
    "Course",
    "OnTrueLabels",
    "PaperFigure",
    "Regression",
    "compare",
    "courses",
    "find_runs",
    "not_worse",
    "regressions",
]
