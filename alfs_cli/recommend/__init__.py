"""Recommendations: losses that withstand the noise that was estimated, with their certificates."""

from alfs_cli.recommend.aims import PREFERENCES
from alfs_cli.recommend.content import (
    Recommendation,
    Recommendations,
    Rejected,
    load_recommendations,
)
from alfs_cli.recommend.search import SAFETY, recommend

__all__ = [
    "PREFERENCES",
    "SAFETY",
    "Recommendation",
    "Recommendations",
    "Rejected",
    "load_recommendations",
    "recommend",
]
