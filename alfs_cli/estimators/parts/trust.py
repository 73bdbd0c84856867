"""The trust level of an estimate: each aspect is graded, and the lowest grade decides."""

import numpy as np

from alfs_cli.data import LabelledDataset
from alfs_cli.data.folds import num_groups
from alfs_cli.data.rare import rare_classes
from alfs_cli.errors import did_you_mean
from alfs_cli.estimators.parts.grounds import Grounds, graded
from alfs_cli.estimators.tuning import TRUST
from alfs_cli.evidence.interface import Evidence
from alfs_cli.results.estimate import Bounded, CleanLevel, NeighbourCheck, Trust

MOST_RARE = 5  # classes set aside that are named at most
NAMES = ("low", "medium", "high")


class Grades:
    """The grade of each aspect (0 low, 1 medium, 2 high), and the reason for it."""

    def __init__(self) -> None:
        self.found: list[int] = []
        self.reasons: list[str] = []

    def add(self, value: float, high: float, medium: float, reason: str) -> None:
        """Add an aspect graded by the lower limits of the grades high and medium."""
        remark = graded(value, high, medium, reason)
        self.note(remark.text, remark.grade)

    def note(self, reason: str, grade: int = 2) -> None:
        """Add a reason whose grade is known."""
        self.found.append(grade)
        self.reasons.append(reason)

    def weightiest_first(self) -> tuple[str, ...]:
        """Return the reasons, those of the lowest grade first: they decide, and are read first."""
        order = sorted(range(len(self.found)), key=lambda place: self.found[place])
        return tuple(self.reasons[place] for place in order)


def trust_in(
    grounds: Grounds,
    separation: float | None,
    dataset: LabelledDataset,
    evidence: Evidence,
    rate: Bounded,
    level: CleanLevel,
    *,
    in_sample_ok: bool,
    neighbours: NeighbourCheck | None = None,
) -> Trust:
    """Return the lowest grade of all aspects as the trust level, with the reason for each.

    `separation` is the share of the examples whose true class the evidence tells; None where the
    method does not rest on it.
    """
    grades = Grades()
    if evidence.in_sample and not in_sample_ok:
        grades.note(
            f"{100 * evidence.agreement:.2f} % of the given labels agree with the probabilities: "
            "these look in-sample, and noise is then underestimated",
            0,
        )
    _leaks(grades, dataset, evidence)
    _copies(grades, evidence)
    for remark in grounds.remarks:
        grades.note(remark.text, remark.grade)
    if separation is not None:
        _separation(grades, separation, is_counted=grounds.overlap == "noise")
    measured = (
        f"out-of-sample agreement {100 * evidence.agreement:.1f} %, calibration error "
        f"{evidence.calibration_error:.3f}"
    )
    if grounds.is_calibrated:
        grades.note(measured)  # the method calibrates the probabilities, or does not rest on them
    else:
        grades.add(
            -evidence.calibration_error,
            -TRUST.calibration_high,
            -TRUST.calibration_medium,
            measured,
        )
    _level(grades, level)
    _small_classes(grades, dataset, evidence)
    if neighbours is not None:
        _neighbours(grades, neighbours, rate)
    if level.low <= 1 < level.value:
        grades.note("the bounds do not say whether the clean label leads in every class")
    return Trust(NAMES[min(grades.found)], grades.weightiest_first())  # type: ignore[arg-type]


def _level(grades: Grades, level: CleanLevel) -> None:
    """Grade the ratio of the lower bound of the clean level to its value."""
    enough = TRUST.enough_level
    share = min(level.low, enough) / max(min(level.value, enough), 1e-9)
    if share < TRUST.level_high:
        grades.add(
            share,
            TRUST.level_high,
            TRUST.level_medium,
            f"the clean level may be {level.low:.3g} where {level.value:.3g} is likeliest",
        )


def _small_classes(grades: Grades, dataset: LabelledDataset, evidence: Evidence) -> None:
    """Grade by the number of examples of the rarest class, and name the classes set aside."""
    counts = dataset.given_counts
    rare = rare_classes(counts)
    for cls in np.flatnonzero(rare)[:MOST_RARE]:
        grades.note(_rarity(int(cls), dataset))
    once = counts
    if evidence.alike is not None:
        once = num_groups(dataset.labels, evidence.alike.units, dataset.num_classes)
    smallest = int(np.where(rare, counts.max(), once).argmin())
    if once[smallest] < TRUST.examples_high:
        name = dataset.class_names[smallest]
        different = "" if once[smallest] == counts[smallest] else " that differ"
        grades.add(
            once[smallest],
            TRUST.examples_high,
            TRUST.examples_medium,
            f"class '{name}' has {_examples(int(once[smallest]))}{different}"
            + (": not judged" if once[smallest] < TRUST.least_judged else ""),
        )


def _leaks(grades: Grades, dataset: LabelledDataset, evidence: Evidence) -> None:
    """Add a low grade where a feature column in use may hold the given labels themselves."""
    if dataset.columns is not None and dataset.columns.leaks and evidence.kind != "pred-probs":
        named = "; ".join(f"'{name}' {reason}" for name, reason in dataset.columns.leaks)
        grades.note(f"a feature may hold the given labels: {named}", 0)


def _copies(grades: Grades, evidence: Evidence) -> None:
    """Grade by the copies among the examples: copies confirm one another's wrong labels."""
    if evidence.alike is None:
        return
    found, n = evidence.alike.summary(), len(evidence.alike.exact)
    if not found.exact + found.near:
        return
    said = f"{found.exact + found.near:,} of {n:,} examples repeat another's content"
    if evidence.folds is None:
        share = (found.exact + found.near) / n
        reason = f"{said}, and the given probabilities may have been made with copies at hand"
        grades.add(-share, -TRUST.copies_high, -TRUST.copies_medium, reason)
        return
    grades.note(f"{said}: each content is in one fold and counts once")
    if found.near:
        reason = (
            f"{found.near:,} of them are near copies, found by distance; there may be others "
            "(--group-column keeps together what belongs together)"
        )
        grades.note(reason, 1 if found.near <= TRUST.near_copies_medium * n else 0)


def _rarity(cls: int, dataset: LabelledDataset) -> str:
    """Return the reason that names a class set aside, and the class it may be a misspelling of."""
    name, names = dataset.class_names[cls], dataset.class_names
    rare = rare_classes(dataset.given_counts)
    others = [other for other, aside in zip(names, rare, strict=True) if not aside]
    near = did_you_mean(name, others) if dataset.given_counts[cls] and not name.isdigit() else ""
    count = int(dataset.given_counts[cls])
    return f"class '{name}' has {_examples(count)}: set aside, not judged{near}"


def _examples(count: int) -> str:
    return f"{count or 'no'} example" + ("" if count == 1 else "s")


def _neighbours(grades: Grades, found: NeighbourCheck, rate: Bounded) -> None:
    """Grade the noise rate by the bounds that nearest neighbours give."""
    said = (
        f"nearest neighbours carry the same label in {100 * found.agreement:.1f} %: if "
        f"{100 * found.purity:.0f} % of them share their true class, as the estimate says, the "
        f"noise rate is {100 * found.noise_low:.1f} % to {100 * found.noise_high:.1f} %"
    )
    if found.noise_low <= rate.value <= found.noise_high:
        grades.note(said)
        return
    is_apart = rate.high < found.noise_low or rate.low > found.noise_high
    side = "more" if rate.value > found.noise_high else "less"
    grades.note(f"{said}; the estimate is {side}", 0 if is_apart else 1)


def _separation(grades: Grades, separation: float, *, is_counted: bool) -> None:
    consequence = (
        "examples it cannot tell apart are counted as noise"
        if is_counted
        else "noise on the others looks like overlap"
    )
    grades.add(
        separation,
        TRUST.separation_high,
        TRUST.separation_medium,
        f"the evidence tells the classes apart in {100 * separation:.0f} % of the examples; "
        + consequence,
    )
    said = "the bounds are this method's own: --method auto compares several"
    grades.note(said, 1 if is_counted else 2)
