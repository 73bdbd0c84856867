"""A cleaned copy of the labels: decisions of people are carried out, then suspects are changed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from alfs_cli.arrays import BoolArray, IntArray
from alfs_cli.copies.tuning import TUNING
from alfs_cli.data import LabelledDataset, Problem, batches
from alfs_cli.data.readers.reviewed import DROP, UNDECIDED, Issues
from alfs_cli.errors import InputError, UsageError
from alfs_cli.results.estimate import NoiseEstimate

SCHEMA = "alfs.fix/1"
Mode = Literal["drop", "relabel", "review"]
MAX_NAMED = 10  # classes named in a message
AT_ONCE, SIDE = 4096, 64  # pictures decoded at a time, and their side in pixels


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A data set, its labels after cleaning (N,), and a mask (N,) of the examples that are kept.

    `mode`, `min_score` and `min_confidence` are the options. `undecided` is the number of examples
    dropped or relabelled because of their scores, without a person's decision; `drops_undecided`
    says whether any of those were dropped.
    """

    dataset: LabelledDataset
    labels: IntArray
    is_kept: BoolArray
    mode: Mode
    min_score: float
    min_confidence: float
    undecided: int = 0
    drops_undecided: bool = False

    @property
    def is_relabelled(self) -> BoolArray:
        """A mask (N,) of the examples that are kept with another label."""
        return np.asarray(self.is_kept & (self.labels != self.dataset.labels), dtype=np.bool_)

    @property
    def vanished(self) -> tuple[str, ...]:
        """The names of the classes that had examples and have none left."""
        left = np.bincount(self.labels[self.is_kept], minlength=self.dataset.num_classes)
        gone = (left == 0) & (np.bincount(self.dataset.labels, minlength=len(left)) > 0)
        return tuple(self.dataset.class_names[k] for k in np.flatnonzero(gone))


@dataclass(frozen=True)
class Change:
    """How many examples of one given class got a new one, or were dropped (`new` is None)."""

    given: str
    new: str | None
    count: int


@dataclass(frozen=True)
class CleanedTruth:
    """The effect of a change, where true labels are known.

    Rates are shares of wrong labels, before among all examples, after among those kept. `spoiled`
    is the number of right labels that became wrong.
    """

    noise_rate_before: float
    noise_rate_after: float
    dropped_wrong: int
    dropped_right: int
    relabelled_to_right: int
    relabelled_to_wrong: int
    spoiled: int


@dataclass(frozen=True)
class CleaningSummary:
    """The result of `alfs fix`, as `-f json` prints it."""

    alfs_version: str
    source: str | None
    kind: str
    split: str | None
    n: int
    classes: tuple[str, ...]
    issues: str
    mode: Mode
    min_score: float
    min_confidence: float
    file: str
    listed: int
    decided: int
    dropped: int
    relabelled: int
    n_after: int
    other_rows: int
    trust: str | None
    given_counts: tuple[int, ...]
    given_counts_after: tuple[int, ...]
    changes: tuple[Change, ...]
    truth: CleanedTruth | None


def refuse_stale(dataset: LabelledDataset, estimate: NoiseEstimate, path: Path) -> None:
    """Raise InputError where an estimate was made from other data or other labels."""
    made = estimate.data
    if made.fingerprint != dataset.fingerprint:
        raise InputError(
            f"'{path}' was made from data with the fingerprint {made.fingerprint}, these have "
            f"{dataset.fingerprint}: examples or labels changed since",
            help="run alfs estimate again, or --allow-stale to compare the listed rows alone",
        )


@dataclass(frozen=True)
class Doubt:
    """A reason against a change, and whether it stops the change unless the user insists."""

    text: str
    needs_force: bool = True


def doubts(result: Cleaned, estimate: NoiseEstimate | None) -> tuple[Doubt, ...]:
    """Return the reasons against a change: low trust in the list of suspects, vanished classes.

    Changes that people decided need no trust. At low trust the user must insist on other changes if
    they drop any example, or relabel more than a tenth of them.
    """
    n, names = len(result.dataset), result.vanished
    dropped, moved = int((~result.is_kept).sum()), int(result.is_relabelled.sum())
    changes = f"{dropped:,} of {n:,} examples would be dropped, {moved:,} relabelled"
    found = []
    if result.undecided and estimate is not None and estimate.trust.level == "low":
        why = f" ({estimate.trust.reasons[0]})" if estimate.trust.reasons else ""
        is_much = result.drops_undecided or result.undecided > TUNING.unsure_share * n
        found.append(Doubt(f"trust in the list is low{why}: {changes}", is_much))
    if names:
        listed = ", ".join(f"'{name}'" for name in names[:MAX_NAMED])
        more = f" and {len(names) - MAX_NAMED:,} more classes" if len(names) > MAX_NAMED else ""
        found.append(Doubt(f"no example would be left of {listed}{more}: {changes}"))
    return tuple(found)


def broken_pictures(result: Cleaned) -> tuple[Problem, ...]:
    """Return the problems of pictures in the copy that cannot be read whole."""
    images, kept = result.dataset.images, np.flatnonzero(result.is_kept)
    if images is None or result.dataset.paths is None:
        return ()
    found = []
    for run in batches(len(kept), AT_ONCE):
        _, readable = images.decode(kept[run], size=SIDE)
        found += [images.problem(int(place)) for place in kept[run][~readable]]
    return tuple(problem for problem in found if problem is not None)


def cleaned(
    dataset: LabelledDataset,
    issues: Issues,
    mode: Mode,
    *,
    min_score: float = 0.5,
    min_confidence: float = 0.0,
    needs_decision: bool = True,
) -> Cleaned:
    """Return the labels after people's decisions, and after what `mode` does with other suspects.

    `drop` leaves out suspects with a score of `min_score` or more. `relabel` gives these the
    suggested class where its probability is `min_confidence` or more. `review` changes nothing
    else, and with `needs_decision` finds a decision. Rows of the kind `possible` change by a
    decision alone.

    Raises InputError where nothing would be left, UsageError where `review` finds no decision.
    """
    if mode == "review" and needs_decision and not issues.num_decided:
        raise UsageError(
            f"'{issues.path}' has no decisions",
            help="fill in its column decision with keep, drop or a class, or use --drop, --relabel",
        )
    labels, is_kept = dataset.labels.copy(), np.ones(len(dataset), dtype=np.bool_)
    decision = issues.decision.copy()
    is_open = decision == UNDECIDED
    is_touched = is_open & issues.is_suspect & (issues.score >= min_score)
    if mode == "drop":
        decision[is_touched] = DROP
    elif mode == "relabel":
        is_sure = is_touched & (issues.suggested_confidence >= min_confidence)
        decision[is_sure] = issues.suggested[is_sure]
    is_class = decision >= 0
    labels[issues.place[is_class]] = decision[is_class]
    is_kept[issues.place[decision == DROP]] = False
    if not is_kept.any():
        raise InputError("every example would be dropped", help="a higher --min-score keeps some")
    by_list = decision[is_open & (decision != UNDECIDED)]
    return Cleaned(
        dataset,
        labels,
        is_kept,
        mode,
        min_score,
        min_confidence,
        undecided=len(by_list),
        drops_undecided=bool((by_list == DROP).any()),
    )


def cleaning_summary(
    result: Cleaned,
    issues: Issues,
    path: Path,
    *,
    version: str,
    other_rows: int,
    trust: str | None,
) -> CleaningSummary:
    """Return the result of a change, for the report and -f json."""
    dataset, kept = result.dataset, result.is_kept
    names, K = dataset.class_names, dataset.num_classes
    return CleaningSummary(
        alfs_version=version,
        source=dataset.spec.given().get("source"),
        kind=dataset.kind,
        split=dataset.split,
        n=len(dataset),
        classes=names,
        issues=str(issues.path),
        mode=result.mode,
        min_score=result.min_score,
        min_confidence=result.min_confidence,
        file=str(path),
        listed=len(issues.place),
        decided=issues.num_decided,
        dropped=int((~kept).sum()),
        relabelled=int(result.is_relabelled.sum()),
        n_after=int(kept.sum()),
        other_rows=other_rows,
        trust=trust,
        given_counts=_counts(dataset.labels, K),
        given_counts_after=_counts(result.labels[kept], K),
        changes=_changes(result),
        truth=_truth(result),
    )


def _counts(labels: IntArray, K: int) -> tuple[int, ...]:
    return tuple(np.bincount(labels, minlength=K).tolist())


def _changes(result: Cleaned) -> tuple[Change, ...]:
    """Return how often each label became each other one, or was dropped, most frequent first."""
    names, K = result.dataset.class_names, result.dataset.num_classes
    new = np.where(result.is_kept, result.labels, K)
    is_changed = ~result.is_kept | result.is_relabelled
    pairs, counts = np.unique(
        result.dataset.labels[is_changed] * (K + 1) + new[is_changed], return_counts=True
    )
    order = np.lexsort((pairs, -counts))
    return tuple(
        Change(
            names[int(pairs[i]) // (K + 1)],
            None if int(pairs[i]) % (K + 1) == K else names[int(pairs[i]) % (K + 1)],
            int(counts[i]),
        )
        for i in order
    )


def _truth(result: Cleaned) -> CleanedTruth | None:
    true = result.dataset.true_labels
    if true is None:
        return None
    kept, moved = result.is_kept, result.is_relabelled
    was_wrong, is_wrong = result.dataset.labels != true, result.labels != true
    return CleanedTruth(
        noise_rate_before=float(was_wrong.mean()),
        noise_rate_after=float(is_wrong[kept].mean()),
        dropped_wrong=int((~kept & was_wrong).sum()),
        dropped_right=int((~kept & ~was_wrong).sum()),
        relabelled_to_right=int((moved & ~is_wrong).sum()),
        relabelled_to_wrong=int((moved & is_wrong).sum()),
        spoiled=int((moved & is_wrong & ~was_wrong).sum()),
    )
