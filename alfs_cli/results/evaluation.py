"""The result of `alfs evaluate`: accuracy, also per class, calibration, confusion; no torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from alfs_cli.findings.finding import Missing
from alfs_cli.results.run import TestSummary
from alfs_cli.storage.documents import to_document

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMA = "alfs.evaluate/1"
BINS = 15  # of equal width, as in Guo et al.


@dataclass(frozen=True)
class ClassAccuracy:
    """The share of a class's n labels that are predicted; None where n is 0."""

    class_name: Annotated[str, Field(alias="class")]
    n: int
    accuracy: float | None


@dataclass(frozen=True)
class TrueAccuracy:
    """A run's accuracy on true labels by an audit; bounds hold at all times, each with `risk`."""

    run: str
    audit: str
    answers: int
    risk: float
    value: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """By how much the first of two runs is right more often, by an audit.

    The runs predict otherwise on `differ` examples. `better` is the one that is shown to be better,
    None where neither is; `missing` says about how many answers would decide it.
    """

    first: str
    second: str
    value: float | None
    low: float
    high: float
    differ: int
    better: str | None
    missing: Missing | None = None


@dataclass(frozen=True)
class Evaluation:
    """How well a run's network predicts the labels of `test`.

    `ece` is the expected calibration error in 15 bins of equal width; `confusion[i][j]` counts the
    examples with label i and prediction j; `on_true_labels` is given with an audit only.
    """

    run: str
    test: TestSummary
    accuracy: float
    per_class: tuple[ClassAccuracy, ...]
    ece: float
    confusion: tuple[tuple[int, ...], ...]
    on_true_labels: TrueAccuracy | None = None

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        document = to_document(SCHEMA, self)
        if self.on_true_labels is None:
            del document["on_true_labels"]
        return document


def evaluation_of(
    probs: "NDArray[np.float64]",
    labels: "NDArray[np.int64]",
    *,
    class_names: tuple[str, ...],
    run: str,
    test: TestSummary,
) -> Evaluation:
    """Return the evaluation of class probabilities (N, K) against labels (N,)."""
    import numpy as np

    predicted = probs.argmax(axis=1)
    size = len(class_names)
    confusion = np.bincount(labels * size + predicted, minlength=size**2).reshape(size, size)
    counts, own = confusion.sum(axis=1), np.diag(confusion)
    return Evaluation(
        run=run,
        test=test,
        accuracy=float((predicted == labels).mean()),
        per_class=tuple(
            ClassAccuracy(name, int(n), float(hits / n) if n else None)
            for name, n, hits in zip(class_names, counts, own, strict=True)
        ),
        ece=calibration_error(probs, labels),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def agreement(probs: "NDArray[np.float64]", labels: "NDArray[np.int64]") -> float:
    """Return the share of given labels (N,) that are the most probable class of (N, K)."""
    return float((probs.argmax(axis=1) == labels).mean())


def calibration_error(probs: "NDArray[np.float64]", labels: "NDArray[np.int64]") -> float:
    """Return sum_b n_b / N |accuracy_b - confidence_b|, 15 bins. Guo et al., ICML 2017, Eq. 3.

    >>> import numpy as np
    >>> round(calibration_error(np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([0, 1])), 6)
    0.4
    """
    import numpy as np

    confidence = probs.max(axis=1)
    hits = (probs.argmax(axis=1) == labels).astype(np.float64)
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=hits - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(labels))
