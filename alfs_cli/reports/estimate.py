"""The report of an estimate: verdict, trust, classes, pairs, T, and what the bounds cover."""

import math
import shlex
from collections.abc import Callable, Sequence

from alfs_cli.findings.finding import Finding
from alfs_cli.formats.blocks import (
    MAX_BRIEF,
    Block,
    Cell,
    Column,
    Facts,
    Gallery,
    Heatmap,
    Paragraph,
    Picture,
    Report,
    Status,
    Table,
    Verdict,
)
from alfs_cli.recommending.advice import labels_to_tell
from alfs_cli.results.estimate import (
    Bounded,
    CrowdSummary,
    IssuesFile,
    LocalCleanLevel,
    NoiseEstimate,
    Truth,
    data_words,
)
from alfs_cli.text.numbers import between, percent, ratio

MAX_CLASSES = 12  # classes listed
MAX_ANNOTATORS = 12  # annotators listed
MAX_PAIRS, MAX_PAIRS_BRIEF = 8, 2  # pairs listed, and those on the first screen
WRITTEN = 3  # decimals of a rate that percentages show
COVERS = (
    "Bounds cover sampling error: how far another sample of the same size could move the numbers. "
    "{overlap} Each is one-sided, so low to high is a {interval:.0f} % interval. T describes noise "
    "that depends on the true class; where it varies inside a class, its clean level is an average."
)
OVERLAP_COVERED = (
    "They also reach from the lowest estimate of the methods to the case that labels carry no "
    "information beyond the evidence, because overlapping classes look like noise that varies "
    "inside a class."
)
TRUSTED_COVERED = (
    "They rest on the trusted examples and hold whatever the noise depends on, if these were drawn "
    "at random, or evenly over the given labels."
)
ANNOTATORS_COVERED = (
    "They also reach over shares of examples that are hard for all annotators, from none to half; "
    "where most annotators take a class for another, votes cannot tell."
)
OVERLAP_LEFT_OUT = (
    "They do not cover classes that the evidence cannot tell apart; see the trust level."
)


def estimate_report(
    estimate: NoiseEstimate,
    *,
    findings: Sequence[Finding] = (),
    pictures: Sequence[Picture] = (),
    texts: Table | None = None,
) -> Report:
    """Return the report of an estimate; `pictures` of suspects are shown in HTML only.

    `texts` are those of the suspects, where the examples are texts.
    """
    blocks: list[Block] = [
        Facts(_facts(estimate)),
        Verdict(_status(estimate), *_verdict(estimate)),
        Verdict("info", f"Trust: {estimate.trust.level}", estimate.trust.reasons),
        _classes(estimate),
    ]
    if any(row[i] < 1 for i, row in enumerate(estimate.transition)):
        blocks.append(_pairs(estimate))
    if estimate.local is not None:
        blocks.append(_local(estimate.local))
    if estimate.crowd is not None:
        blocks.append(_annotators(estimate.crowd))
    blocks.append(Heatmap("Transition matrix T", estimate.data.classes, estimate.transition))
    if estimate.truth is not None:
        blocks.append(_truth(estimate, estimate.truth))
    if pictures:
        blocks.append(Gallery("Labels most likely wrong", tuple(pictures)))
    if texts is not None:
        blocks.append(texts)
    overlap = OVERLAP_COVERED if estimate.other_estimates else OVERLAP_LEFT_OUT
    if estimate.trusted_examples:
        overlap = TRUSTED_COVERED
    elif estimate.annotators:
        overlap = ANNOTATORS_COVERED
    interval = 100 * (2 * estimate.confidence - 1)
    blocks.append(Paragraph(COVERS.format(interval=interval, overlap=overlap)))
    return Report(
        f"Label noise in {source_name(estimate)}",
        tuple(blocks),
        estimate.document(),
        tuple(findings),
        brief=_brief(estimate, findings),
    )


def source_name(estimate: NoiseEstimate) -> str:
    """Return the name of the data, for titles."""
    held = "the given probabilities" if estimate.data.kind == "probabilities" else "the given data"
    return estimate.data.source or held


def _facts(estimate: NoiseEstimate) -> tuple[tuple[str, str], ...]:
    data, evidence = estimate.data, estimate.evidence
    split = f", split {data.split}" if data.split else ""
    folds = f", {evidence.folds} folds" if evidence.folds else ""
    fitted = (
        f"{estimate.method} on a sample of {evidence.sample:,}"
        if evidence.sample
        else (estimate.method)
    )
    return (
        ("data", f"{data.kind}, {data.n:,} examples, {len(data.classes)} classes{split}"),
        ("evidence", f"{evidence.kind}: {evidence.name}{folds}"),
        ("method", f"{fitted}, {estimate.seconds:.1f} s, seed {estimate.seed}"),
    )


def _status(estimate: NoiseEstimate) -> Status:
    if estimate.dominant is False:
        return "fail"
    if estimate.dominant is None or estimate.trust.level == "low":
        return "warn"
    return "info"


def found(bounded: Bounded, write: Callable[[float], str], *, is_sure: bool) -> str:
    """Return a value with its bounds, or the bounds alone where trust in the value is low."""
    if not is_sure:
        return between(bounded.low, bounded.high, write)
    return f"{write(bounded.value)} ({write(bounded.low)} to {write(bounded.high)})"


def headline(estimate: NoiseEstimate) -> str:
    """Return in words how many labels are wrong.

    Where trust is low, these are the bounds and the number of true labels that would tell.
    """
    rate = estimate.noise_rate
    if estimate.trust.level == "low":
        return (
            f"{between(rate.low, rate.high)} of the labels are wrong: the evidence cannot tell; "
            f"about {labels_to_tell(estimate):,} true labels would"
        )
    return (
        f"{percent(rate.value)} of the labels look wrong "
        f"({percent(rate.low)} to {percent(rate.high)})"
    )


def clean_level_text(estimate: NoiseEstimate) -> str:
    """Return r with its bounds in words, and the pair of classes where it is least.

    Where trust is low, this is the class with the least lower bound: values say too much there.
    """
    level, is_sure = estimate.clean_level, estimate.trust.level != "low"
    said = f"r {'= ' if is_sure else ''}{found(level, ratio, is_sure=is_sure)}"
    if is_sure and math.isinf(level.value):
        return f"{said}, no label was seen in place of another"
    i = weakest_first(estimate)[0]
    true, given = (
        (level.true_class, level.given_class)
        if is_sure
        else (estimate.data.classes[i], _rival(estimate, i))
    )
    return f"{said}, where '{true}' is given as '{given}'"


def weakest_first(estimate: NoiseEstimate) -> list[int]:
    """Return the classes by clean level, or by its lower bound where trust is low.

    Those that are not judged come last.
    """
    is_sure = estimate.trust.level != "low"

    def strength(i: int) -> tuple[bool, float, float, int]:
        level = estimate.class_clean_level[i]
        first, second = (level.value, level.low) if is_sure else (level.low, level.value)
        return (not level.judged, first, second, i)

    return sorted(range(len(estimate.data.classes)), key=strength)


def worst_pairs(estimate: NoiseEstimate, most: int | None = None) -> list[tuple[int, int]]:
    """Return the pairs (true, given) with a positive rate, the highest first, so many at most.

    Rates that are written alike, as all are where the fit found no pair above the others, are told
    apart by their bounds.
    """
    import numpy as np

    T, low, high = (
        np.array(one)
        for one in (estimate.transition, estimate.transition_low, estimate.transition_high)
    )
    rows, columns = np.nonzero((T > 0) & ~np.eye(len(T), dtype=bool))
    rates, place = np.unique(T[rows, columns], return_inverse=True)
    written = np.array([-round(rate, WRITTEN) for rate in rates.tolist()])[place]
    order = np.lexsort((-high[rows, columns], -low[rows, columns], written))[:most]
    return list(zip(rows[order].tolist(), columns[order].tolist(), strict=True))


def _rank(estimate: NoiseEstimate, i: int, j: int) -> tuple[float, float, float]:
    """Return what pairs are sorted by: their rate as it is written, then both bounds."""
    low, high = estimate.transition_low[i][j], estimate.transition_high[i][j]
    return (-round(estimate.transition[i][j], WRITTEN), -low, -high)


def _rival(estimate: NoiseEstimate, i: int) -> str:
    """Return the class that class i is mostly given as."""
    names = estimate.data.classes
    others = [j for j in range(len(names)) if j != i]
    return names[min(others, key=lambda j: _rank(estimate, i, j))]


def next_after(estimate: NoiseEstimate, out_words: str) -> str:
    """Return what to type next; `out_words` name the folder of results.

    Where trust is low that is an audit, where somebody can be asked about single labels.
    """
    recommend = f"alfs recommend{out_words}"
    if estimate.trust.level != "low" or estimate.annotators or not estimate.data.spec:
        return f"next: {recommend}"
    audit = shlex.join(["alfs", "audit", *data_words(estimate.data.spec)])
    return (
        f"next: {audit}{out_words} asks people about a few labels, which decides what the evidence "
        f"cannot; or {recommend}"
    )


def _verdict(estimate: NoiseEstimate) -> tuple[str, tuple[str, ...]]:
    level = estimate.clean_level
    judged = all(cls.judged for cls in estimate.class_clean_level)
    classes = "every class" if judged else "every class judged"
    if estimate.dominant:
        lead = f"the clean label leads in {classes}, {ratio(level.low)} or more at the weakest"
    elif estimate.dominant is False:
        lead = f"the clean label does NOT lead in {classes}: no loss can be certified"
    else:
        lead = f"undecided whether the clean label leads in {classes}"
    reasons = [f"clean level {clean_level_text(estimate)}", lead]
    if estimate.issues is not None:
        reasons.append(_listed(estimate.issues))
    return headline(estimate), tuple(reasons)


def _brief(estimate: NoiseEstimate, findings: Sequence[Finding]) -> tuple[Block, ...]:
    """Return the first screen: how many labels are wrong, in which classes, how sure, what next."""
    _, (_, lead, *listed) = _verdict(estimate)
    reasons = [*_worst_pairs(estimate), lead]
    if estimate.crowd is not None:
        reasons.append(_independence(estimate.crowd))
    trust = estimate.trust
    why = f": {trust.reasons[0]}" if trust.reasons else ""
    reasons += [f"trust {trust.level}{why}", *listed]
    if len(findings) > MAX_BRIEF:
        reasons.append(f"{len(findings):,} findings in the files themselves: alfs check lists them")
    verdict = Verdict(_status(estimate), headline(estimate), tuple(reasons))
    return (verdict, Paragraph("T, the classes and what the bounds cover: -v, or alfs report"))


def _worst_pairs(estimate: NoiseEstimate) -> tuple[str, ...]:
    """Return the pairs of classes with the highest rates in words, empty without any."""
    is_sure = estimate.trust.level != "low"
    pairs = [
        (i, j)
        for i, j in worst_pairs(estimate, MAX_PAIRS_BRIEF)
        if not is_sure or round(estimate.transition[i][j], WRITTEN) > 0
    ]
    if not pairs:
        return ()
    names, lows, highs = estimate.data.classes, estimate.transition_low, estimate.transition_high
    said = [
        f"'{names[i]}' given as '{names[j]}' "
        + found(
            Bounded(estimate.transition[i][j], lows[i][j], highs[i][j]), percent, is_sure=is_sure
        )
        for i, j in pairs
    ]
    return (f"{'mostly' if is_sure else 'perhaps'} {', '.join(said)}",)


def _listed(issues: IssuesFile) -> str:
    counts, promise = issues.counts, issues.expected_precision
    if counts is None:
        said = f"{issues.count:,} labels listed in {issues.file}"
    else:
        kinds = [
            f"{number:,} {kind}"
            for kind, number in (
                ("proven", counts.proven),
                ("likely", counts.likely),
                ("possible", counts.possible),
            )
            if number
        ]
        said = f"{', '.join(kinds) or 'no'} wrong labels listed in {issues.file}"
    if promise.value is not None:
        said += f"; of the likely, {percent(promise.value, 0)} are expected to be wrong"
        if promise.low is not None and promise.high is not None:
            said += f" ({percent(promise.low, 0)} to {percent(promise.high, 0)})"
    if issues.precision is not None and issues.recall is not None:
        said += (
            f"; by the true labels, {percent(issues.precision, 0)} are wrong, "
            f"{percent(issues.recall, 0)} of all wrong labels"
        )
    return said


def _classes(estimate: NoiseEstimate) -> Table:
    order = weakest_first(estimate)
    is_sure = estimate.trust.level != "low"
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            (found := estimate.class_clean_level[i]).class_name,
            found.n,
            *(_class_cells(estimate, i, is_sure=is_sure) if found.judged else (None,) * 3),
            _rival(estimate, i) if estimate.transition[i][i] < 1 else None,
            None if found.judged else "too few to judge",
        )
        for i in order[:MAX_CLASSES]
    )
    shares = (Column("clean share", "percent"), Column("clean level r", "ratio"))
    bounds = (Column("clean share from", "percent"), Column("to", "percent"))
    columns: tuple[Column, ...] = (
        Column("true class"),
        Column("n given", "count"),
        *(shares if is_sure else bounds),
        Column("at least" if is_sure else "clean level r at least", "ratio"),
        Column("mostly given as"),
        Column("note"),
    )
    if all(row[-1] is None for row in rows):
        columns, rows = columns[:-1], tuple(row[:-1] for row in rows)
    left = len(order) - MAX_CLASSES
    return Table(
        "Classes, weakest first",
        columns,
        rows,
        note=f"{left} more classes in transition.csv" if left > 0 else "",
    )


def _class_cells(estimate: NoiseEstimate, i: int, *, is_sure: bool) -> tuple[Cell, ...]:
    """Return a class's clean share and clean level: values, or bounds alone where trust is low."""
    level = estimate.class_clean_level[i]
    if is_sure:
        return (estimate.transition[i][i], level.value, level.low)
    return (estimate.transition_low[i][i], estimate.transition_high[i][i], level.low)


def _pairs(estimate: NoiseEstimate) -> Table:
    names, is_sure = estimate.data.classes, estimate.trust.level != "low"
    rows = tuple(
        (
            names[i],
            names[j],
            *((estimate.transition[i][j],) if is_sure else ()),
            estimate.transition_low[i][j],
            estimate.transition_high[i][j],
        )
        for i, j in worst_pairs(estimate, MAX_PAIRS)
    )
    columns = (
        Column("true class"),
        Column("given label"),
        *((Column("rate", "percent"),) if is_sure else ()),
        Column("low", "percent"),
        Column("high", "percent"),
    )
    return Table("Worst pairs", columns, rows)


def _independence(crowd: CrowdSummary) -> str:
    """Return how many independent annotators the labels of an example are worth."""
    said, found = f"{crowd.labels_per_example:.3g}", crowd.effective
    return (
        f"{said} labels an example tell as much as {found.value:.2g} ({found.low:.2g} to "
        f"{found.high:.2g}) that err independently; {crowd.disputed:,} examples are disputed"
    )


def _annotators(crowd: CrowdSummary) -> Table:
    """Return the annotators with their noise rates, the least reliable first."""
    order = sorted(crowd.annotators, key=lambda one: (-one.noise_rate.value, one.name))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (one.name, one.labels, one.noise_rate.value, one.noise_rate.low, one.noise_rate.high)
        for one in order[:MAX_ANNOTATORS]
    )
    named = (("kappa", crowd.kappa), ("AC1", crowd.ac1), ("alpha", crowd.alpha))
    agreed = [
        f"{name} {one.value:.2f} ({one.low:.2f} to {one.high:.2f})" for name, one in named if one
    ]
    alike = crowd.error_correlation
    together = (
        f"Two annotators' errors correlate by {alike.value:.2f} ({alike.low:.2f} to "
        f"{alike.high:.2f}): "
    )
    left = len(order) - MAX_ANNOTATORS
    more = f" {left:,} more annotators in estimate.json." if left > 0 else ""
    beyond = f"Agreement beyond chance: {', '.join(agreed)}. " if agreed else ""
    return Table(
        "Annotators, least reliable first",
        (
            Column("annotator"),
            Column("labels", "count"),
            Column("noise rate", "percent"),
            Column("low", "percent"),
            Column("high", "percent"),
        ),
        rows,
        note=f"{beyond}{together}{_independence(crowd)}.{more}",
    )


def _local(found: LocalCleanLevel) -> Table:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (f"{100 * float(q):.0f} %", value) for q, value in found.quantiles.items()
    )
    return Table(
        "Clean level of single examples",
        (Column("share of examples"), Column("no more than", "ratio")),
        rows,
        note=f"Lower bounds, from the labels of {found.k} neighbours each; of "
        f"{percent(found.share_below_1)} of the examples they do not show that one label leads.",
    )


def _truth(estimate: NoiseEstimate, truth: Truth) -> Table:
    is_sure = estimate.trust.level != "low"
    columns = (Column("beside the truth"), Column("estimated"), Column("true"))
    rows: tuple[tuple[str, str, str], ...] = (
        (
            "noise rate",
            found(estimate.noise_rate, percent, is_sure=is_sure),
            percent(truth.noise_rate),
        ),
        (
            "clean level r",
            found(estimate.clean_level, ratio, is_sure=is_sure),
            ratio(truth.clean_level),
        ),
        ("mean row error of T", percent(truth.row_tv), "0 would be exact"),
    )
    note = "True labels are known here; the estimate did not see them."
    if truth.population is not None:
        note += (
            f" Drawn from a T with noise rate {percent(truth.population.noise_rate)} and clean "
            f"level {ratio(truth.population.clean_level)}."
        )
    return Table("", columns, rows, note)
