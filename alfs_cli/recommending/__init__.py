"""Recommendations: losses that withstand the noise that was estimated, with their certificates."""

from alfs_cli.recommending.aims import PREFERENCES
from alfs_cli.recommending.search import SAFETY, recommend
from alfs_cli.results.recommendation import (
    Recommendation,
    Recommendations,
    Rejected,
    load_recommendations,
)

__all__ = [
    "PREFERENCES",
    "SAFETY",
    "Recommendation",
    "Recommendations",
    "Rejected",
    "load_recommendations",
    "recommend",
]
