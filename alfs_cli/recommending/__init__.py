"""Recommendations: losses that are robust to an estimated noise, with their certificates."""

from alfs_cli.recommending.aims import PREFERENCES
from alfs_cli.recommending.search import recommend
from alfs_cli.results.recommendation import (
    Recommendation,
    Recommendations,
    Rejected,
    load_recommendations,
)

__all__ = [
    "PREFERENCES",
    "Recommendation",
    "Recommendations",
    "Rejected",
    "load_recommendations",
    "recommend",
]
