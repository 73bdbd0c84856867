"""What is thought of each label before anybody looks: from evidence, where there is any."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli.arrays import Features, FloatArray
from alfs_cli.console import Console
from alfs_cli.data import LabelledDataset, positions_of
from alfs_cli.errors import InputError

if TYPE_CHECKING:
    from alfs_cli.estimating import Estimated, EstimateOptions

NO_EVIDENCE = "none"
NEVER = 1e-30  # of a class: what is wrong is shared among the others, however unlikely they are


@dataclass(frozen=True, eq=False)
class Scores:
    """P(true label = k) of each example (N, K), and P(the given label is wrong) (N,).

    `features` (N, D) are what they were made from, NaN where an example could not be read.
    """

    probs: FloatArray
    wrong: FloatArray
    features: Features | None = None


def has_evidence(dataset: LabelledDataset) -> bool:
    """Return whether there is anything to judge the labels by."""
    things = (dataset.images, dataset.features, dataset.texts, dataset.pred_probs)
    return dataset.annotations is not None or any(thing is not None for thing in things)


def scores_of(
    dataset: LabelledDataset, options: "EstimateOptions", console: Console
) -> Scores | None:
    """Return the scores of a data set, None where there is no evidence or it will not do.

    An audit holds without them: they only say which draws tell most.
    """
    if options.evidence == NO_EVIDENCE:
        return None
    if not has_evidence(dataset):
        console.note("note: nothing but labels: every example is as likely to be drawn")
        return None
    from alfs_cli.estimating import estimate_dataset  # labels alone need not wait for these
    from alfs_cli.estimating.in_passes import is_read_in_passes

    if is_read_in_passes(dataset.spec, options.method):
        console.note("note: too many probabilities to score labels in memory: draws are uniform")
        return None
    try:
        found = estimate_dataset(dataset, options, console)
    except InputError as error:
        console.warn(f"the labels are not scored ({error}): draws are uniform, and take longer")
        return None
    return placed(found, dataset)


def placed(found: "Estimated", dataset: LabelledDataset) -> Scores:
    """Return the scores in the order of the data set; what was not judged is as the average."""
    from alfs_cli.estimators.joint.posterior import blocks, possible, true_class

    judged = found.examples
    labels, T = judged.dataset.labels, judged.T
    T = possible(T, labels)
    q = true_class(judged.evidence.probs, labels, T)
    wrong = np.clip(judged.scores.score, 0, 1)
    probs = np.empty((len(labels), dataset.num_classes))
    for rows in blocks(*probs.shape):
        given = labels[rows]
        part = np.maximum(q(rows) * T[:, given].T, NEVER)
        each = np.arange(len(given))
        part[each, given] = 0
        part *= (wrong[rows] / part.sum(axis=1))[:, None]
        part[each, given] = 1 - wrong[rows]
        probs[rows] = part
    place = np.full(int(positions_of(dataset).max()) + 1, -1)
    place[positions_of(dataset)] = np.arange(len(dataset))
    where = place[positions_of(judged.dataset)]
    share = float(wrong.mean())
    all_wrong = np.full(len(dataset), share)
    others = max(dataset.num_classes - 1, 1)
    all_probs = np.full((len(dataset), dataset.num_classes), share / others)
    all_probs[np.arange(len(dataset)), dataset.labels] = 1 - share
    all_wrong[where], all_probs[where] = wrong, probs
    X, features = judged.evidence.features, None
    if X is not None and len(X) == len(where):
        features = np.full((len(dataset), X.shape[1]), np.nan, dtype=np.float32)
        features[where] = X
    return Scores(all_probs, all_wrong, features)
