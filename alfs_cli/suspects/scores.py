"""The probability that each label is wrong, and the files that list the suspects.

Bayes' rule gives P(true | x, given) from q(true | x) and T. It is averaged over the models of the
noise that the labels allow (`weighing`). Identical examples share their evidence and their true
class, so all their labels count for each of them: where these differ, at least one is wrong.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import Features, FloatArray, IntArray
from alfs_cli.errors import InputError, brief
from alfs_cli.estimators.joint.posterior import NEVER, TrueClass, blocks, possible, true_class
from alfs_cli.results.estimate import Bounded
from alfs_cli.suspects.precision import LIKELY, Expected
from alfs_cli.suspects.promises import as_expected
from alfs_cli.suspects.reasons import NEIGHBOURS, TRANSITION, neighbours_of, written
from alfs_cli.suspects.weighing import Weighed, weigh

if TYPE_CHECKING:
    import pandas as pd

    from alfs_cli.data import LabelledDataset

LISTED = "issues.parquet"

Group = tuple[int, ...]

COLUMNS = (
    "index", "path", "given", "suggested", "self_confidence", "suggested_confidence", "score",
    "kind",
)  # fmt: skip
TEXT = "text"  # a further column, where the examples are texts
TEXT_LENGTH = 300  # characters of a text that are listed
KINDS = ("proven", "likely", "possible")


@dataclass(frozen=True, eq=False)
class LabelScores:
    """How likely each of N labels is wrong.

    Args:
        score: the probability that the label is wrong, (N,).
        suggested: the class suggested instead, (N,).
        self_confidence: the evidence's probability of the label, (N,).
        suggested_confidence: the evidence's probability of the suggested class, (N,).
        disagrees: whether the label is not the most probable class of the evidence, (N,).
        known: whether a person has reviewed the label, (N,).
        proven: indices of identical examples with different labels, group by group.
        expected: what share of the labels scored LIKELY or more is expected to be wrong.
    """

    score: FloatArray
    suggested: IntArray
    self_confidence: FloatArray
    suggested_confidence: FloatArray
    disagrees: NDArray[np.bool_]
    known: NDArray[np.bool_]
    proven: tuple[Group, ...] = ()
    expected: Expected | None = None

    def settled(self, places: IntArray, true: IntArray, labels: IntArray) -> "LabelScores":
        """Return the scores after review: examples `places` (m,) are of class `true` (m,)."""
        score, suggested = self.score.copy(), self.suggested.copy()
        disagrees, known = self.disagrees.copy(), self.known.copy()
        score[places] = disagrees[places] = true != labels[places]
        suggested[places] = true
        known[places] = True
        return replace(self, score=score, suggested=suggested, disagrees=disagrees, known=known)


def label_scores(
    probs: NDArray[np.floating],
    labels: IntArray,
    T: FloatArray,
    noise_rate: float,
    *,
    identical: Sequence[Group] = (),
) -> LabelScores:
    """Return how likely each given label is wrong, from p(given | x) (N, K), labels (N,) and T.

    P(true = j | x, given) is proportional to q(j | x) T[j, given]. The log odds of being wrong are
    shifted by one constant, so that the scores sum to the number of wrong labels that T implies.
    `identical` are groups of indices of identical examples with different labels.
    """
    T = possible(T, labels)
    q = true_class(probs, labels, T)
    looks = _looks(q, labels, T)
    return _scores(probs, labels, T, q, looks, shifted_to(looks.wrong, noise_rate), identical)


def weighed_scores(
    probs: NDArray[np.floating],
    labels: IntArray,
    T: FloatArray,
    prior: FloatArray,
    rate: Bounded,
    *,
    identical: Sequence[Group] = (),
    is_given: bool = False,
) -> tuple[LabelScores, Weighed]:
    """Return how likely each given label is wrong, averaged over models of the noise.

    Unlike in `label_scores`, T (K, K), the class shares `prior` (K,) and the noise rate with its
    bounds are one estimate among others that the labels allow. All models are returned with their
    weights. Scores of LIKELY or more are calibrated to the precision that similar lists had; where
    that may be too low, no label is called likely. `is_given` says that the probabilities are of a
    model from elsewhere.
    """
    T = possible(T, labels)
    q = true_class(probs, labels, T)
    weighed = weigh(probs, labels, T, prior, rate, q=q, is_given=is_given)
    wrong = weighed.scores(labels)
    likely = np.flatnonzero(wrong >= LIKELY)
    expected = None
    if len(likely):
        disagreement = float((probs.argmax(axis=1) != labels).mean())
        wrong[likely], expected = as_expected(wrong[likely], disagreement, weighed)
    found = _scores(probs, labels, T, q, _looks(q, labels, T), wrong, identical)
    return replace(found, expected=expected), weighed


@dataclass(frozen=True, eq=False)
class _Looks:
    """By q(true | x) and T: P(wrong), the likeliest class, and the likeliest but the label."""

    wrong: FloatArray
    best: IntArray
    other: IntArray


def _looks(q: TrueClass, labels: IntArray, T: FloatArray) -> _Looks:
    N = len(labels)
    looks = _Looks(np.empty(N), np.empty(N, np.int64), np.empty(N, np.int64))
    for rows in blocks(N, len(T)):
        given = labels[rows]
        each = np.arange(len(given))
        posterior = _normalised(q(rows) * T[:, given].T)
        looks.wrong[rows] = 1 - posterior[each, given]
        looks.best[rows] = posterior.argmax(axis=1)
        posterior[each, given] = -1
        looks.other[rows] = posterior.argmax(axis=1)
    return looks


def _scores(
    probs: NDArray[np.floating],
    labels: IntArray,
    T: FloatArray,
    q: TrueClass,
    looks: _Looks,
    wrong: FloatArray,
    identical: Sequence[Group],
) -> LabelScores:
    """Return the scores, with a class suggested by T, or else by the evidence alone."""
    top = probs.argmax(axis=1)
    suggested = np.where((wrong >= LIKELY) | (looks.best != labels), looks.other, top)
    for group in identical:
        places = np.asarray(group)
        posterior = _of_group(q, places, labels, T)
        wrong[places] = 1 - posterior[labels[places]]
        suggested[places] = posterior.argmax()
    each = np.arange(len(labels))
    return LabelScores(
        score=wrong,
        suggested=suggested,
        self_confidence=np.asarray(probs[each, labels], dtype=np.float64),
        suggested_confidence=np.asarray(probs[each, suggested], dtype=np.float64),
        disagrees=top != labels,
        known=np.zeros(len(labels), dtype=np.bool_),
        proven=tuple(sorted(identical, key=lambda group: -float(wrong[list(group)].max()))),
    )


def _of_group(q: TrueClass, places: IntArray, labels: IntArray, T: FloatArray) -> FloatArray:
    """Return P(true | x, all labels) (K,) of identical examples at the indices `places`."""
    log_posterior = np.log(np.maximum(q(places), NEVER)).mean(axis=0)
    log_posterior += np.log(T[:, labels[places]]).sum(axis=1)
    posterior = np.exp(log_posterior - log_posterior.max())
    return np.asarray(posterior / posterior.sum(), dtype=np.float64)


def _normalised(rows: FloatArray) -> FloatArray:
    return np.asarray(rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-300), dtype=np.float64)


def shifted_to(probabilities: FloatArray, mean: float) -> FloatArray:
    """Return the probabilities with their log odds shifted by one constant to reach a mean.

    >>> shifted_to(np.array([0.1, 0.5]), 0.6).mean().round(3)
    np.float64(0.6)
    """
    from scipy.optimize import brentq
    from scipy.special import expit, logit

    if not 0 < mean < 1:
        return np.clip(probabilities, 0, 1)
    odds = logit(np.clip(probabilities, 1e-9, 1 - 1e-9))

    def excess(shift: float) -> float:
        return float(expit(odds + shift).mean()) - mean

    if excess(-40) > 0 or excess(40) < 0:
        return np.clip(probabilities, 0, 1)
    return np.asarray(expit(odds + brentq(excess, -40, 40, xtol=1e-6)), dtype=np.float64)


def in_doubt(score: FloatArray, self_confidence: FloatArray) -> IntArray:
    """Return the indices of all labels, the most doubtful first.

    The order is by the mean of two ranks, by score and by the label's own probability. On human
    errors it is better than either.
    """
    import pandas as pd  # its ranks; scipy.stats takes most of a second to import

    ranks = pd.Series(-score).rank() + pd.Series(self_confidence).rank()
    return np.asarray(np.argsort(ranks, kind="stable"), dtype=np.int64)


def suspects(scores: LabelScores, labels: IntArray, threshold: float) -> IntArray:
    """Return the indices of labels with scores of `threshold` or more, highest first."""
    chosen = np.flatnonzero((scores.score >= threshold) & (scores.suggested != labels))
    return chosen[np.argsort(-scores.score[chosen], kind="stable")]


@dataclass(frozen=True, eq=False)
class Listing:
    """The indices of the labels to list (M,) and their kinds, most suspicious first in a kind."""

    places: IntArray
    kinds: tuple[str, ...]

    def of(self, *kinds: str) -> IntArray:
        """Return the indices of the labels of some kinds, in order."""
        return self.places[[kind in kinds for kind in self.kinds]]


def listing(
    scores: LabelScores, labels: IntArray, threshold: float, *, most: int, is_whole: bool = False
) -> Listing:
    """Return the labels to list: proven ones by group, then likely, then possible ones.

    Possible labels fill the list up to `most` likely and possible ones. `is_whole` lists all other
    labels behind them, without a kind.
    """
    proven = np.asarray(
        [
            place
            for group in scores.proven
            for place in sorted(group, key=lambda place: -float(scores.score[place]))
        ],
        dtype=np.int64,
    )
    likely = suspects(scores, labels, threshold)
    likely = likely[~np.isin(likely, proven)]
    is_left = np.ones(len(labels), dtype=np.bool_)
    is_left[proven] = is_left[likely] = False
    order = np.argsort(-scores.score, kind="stable")
    by_doubt = in_doubt(scores.score, scores.self_confidence)
    doubted = by_doubt[(is_left & scores.disagrees)[by_doubt]][: max(most - len(likely), 0)]
    is_left[doubted] = False
    rest = order[is_left[order]] if is_whole else order[:0]
    parts = zip((*KINDS, ""), (proven, likely, doubted, rest), strict=True)
    kinds = tuple(kind for kind, places in parts for _ in range(len(places)))
    return Listing(np.concatenate([proven, likely, doubted, rest]), kinds)


def issues_table(
    dataset: "LabelledDataset",
    scores: LabelScores,
    listed: Listing,
    *,
    transition: FloatArray,
    features: Features | None = None,
) -> "pd.DataFrame":
    """Return the rows of issues.csv, one for each listed label, in order.

    Their neighbours in `features` (N, D) and their entries of T (K, K) tell why. Labels listed
    without a kind have no neighbours.
    """
    import pandas as pd

    from alfs_cli.data.dataset import positions_of
    from alfs_cli.data.texts import excerpt

    places, names = listed.places, np.array(dataset.class_names, dtype=object)
    of_kind = listed.of(*KINDS)
    near = [] if features is None else neighbours_of(features, dataset, of_kind)
    table = pd.DataFrame(
        {
            "index": positions_of(dataset)[places],
            "path": [dataset.paths[i] if dataset.paths else "" for i in places],
            "given": names[dataset.labels[places]],
            "suggested": names[scores.suggested[places]],
            "self_confidence": scores.self_confidence[places],
            "suggested_confidence": scores.suggested_confidence[places],
            "score": scores.score[places],
            "kind": list(listed.kinds),
            NEIGHBOURS: [written(some) for some in near] + [""] * (len(places) - len(near)),
            TRANSITION: transition[scores.suggested[places], dataset.labels[places]],
        },
        columns=[*COLUMNS, NEIGHBOURS, TRANSITION],
    )
    if dataset.texts is not None:
        table[TEXT] = [excerpt(dataset.texts[place], TEXT_LENGTH) for place in places]
    return table


def write_issues(folder: Path, table: "pd.DataFrame") -> None:
    """Write issues.csv and issues.parquet.

    In the CSV, text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    from alfs_cli.storage.writing import replacing
    from alfs_cli.text.cells import safe_cell

    with replacing(folder / LISTED) as temporary:
        table.to_parquet(temporary, index=False)
    guarded = table.copy()
    for column in {"path", "given", "suggested", TEXT} & set(table.columns):
        guarded[column] = [safe_cell(cell) for cell in table[column]]
    with replacing(folder / "issues.csv") as temporary:
        guarded.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def read_issues_table(estimate: Path, class_names: Collection[str]) -> "pd.DataFrame | None":
    """Return the issues.parquet beside an estimate.json, None where there is none.

    Raises InputError where it is damaged, or lists labels of other classes.
    """
    import pandas as pd
    from pyarrow import ArrowException

    file = estimate.with_name(LISTED)
    if not file.is_file():
        return None
    try:
        table = pd.read_parquet(file)
    except (OSError, ValueError, ArrowException) as error:
        raise InputError(
            f"cannot read '{file}': {brief(error)}", help="alfs estimate DATA writes it anew"
        ) from None
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise InputError(
            f"'{file}' has no column '{missing[0]}'", help="alfs estimate DATA writes it anew"
        )
    if not set(table["given"]) <= set(class_names):
        raise InputError(
            f"'{file}' lists labels of other classes than '{estimate}'",
            help="keep the files of an estimate together, or make them anew",
        )
    return table
