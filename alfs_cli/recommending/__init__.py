"""Recommendations: losses that withstand the noise that was estimated, with their certificates."""

from alfs_cli.recommending.aims import PREFERENCES
from alfs_cli.recommending.content import (
    Recommendation,
    Recommendations,
    Rejected,
    load_recommendations,
)
from alfs_cli.recommending.search import SAFETY, recommend

__all__ = [
    "PREFERENCES",
    "SAFETY",
    "Recommendation",
    "Recommendations",
    "Rejected",
    "load_recommendations",
    "recommend",
]
