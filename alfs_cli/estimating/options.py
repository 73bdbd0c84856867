"""The options of an estimate, as one value."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alfs_cli.errors import UsageError


@dataclass(frozen=True)
class EstimateOptions:
    """How to estimate; the defaults are those of the command line.

    `confidence` is the level of each one-sided bound, `resamples` the number of bootstrap
    replicates, `issue_threshold` the score from which labels are listed (`all_scores` lists every
    label). `max_examples` judges a sample stratified by label. `trusted` is a file of true labels;
    `local` also estimates the clean level of each example. `cache` is a folder that keeps evidence.
    `prior_probs` are probabilities (N, K) of a model that did not see the labels: a file, an array
    or a frame. `max_bad` is the share of the examples of a folder of features whose files may be
    unreadable.

    Raises UsageError where `issue_threshold` is no share.
    """

    evidence: str = "auto"
    method: str = "auto"
    folds: int = 5
    confidence: float = 0.95
    resamples: int = 1000
    issue_threshold: float = 0.5
    all_scores: bool = False
    in_sample_ok: bool = False
    columns_as_given: bool = False
    rows_as_given: bool = False
    max_examples: int | None = None
    encoder: tuple[str, ...] | None = None
    encoder_size: int | None = None
    download: bool = False
    trusted: Path | None = None
    local: bool = False
    seed: int = 0
    device: str = "auto"
    cache: Path | None = None
    max_bad: float = 0.0
    prior_probs: Any = None

    def __post_init__(self) -> None:
        if not 0 <= self.issue_threshold <= 1:
            raise UsageError(
                f"--issue-threshold is {self.issue_threshold}, not between 0 and 1",
                help="for example --issue-threshold 0.5",
            )

    @property
    def is_fitted(self) -> bool:
        """Whether the options need all examples in memory, which counts do not."""
        return (
            self.all_scores
            or self.local
            or self.max_examples is not None
            or self.trusted is not None
            or self.prior_probs is not None
        )
