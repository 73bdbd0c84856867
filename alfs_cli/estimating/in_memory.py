"""The estimate of a data set in memory, and a score for each of its labels."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.console import Console
from alfs_cli.data import (
    LabelledDataset,
    Problem,
    Trusted,
    in_words,
    positions_of,
    read_trusted,
)
from alfs_cli.data.duplicates import Digests, conflicting_duplicates, digests_of_pictures
from alfs_cli.data.matching import confusion_of
from alfs_cli.data.reading import MAX_BAD
from alfs_cli.data.row_order import AS_GIVEN, moved_rows, refuse_disorder, said_of_chance
from alfs_cli.errors import InputError
from alfs_cli.estimating.audited import is_audit, trusted_of_audit
from alfs_cli.estimating.consensus import CONSENSUS, consensus_probs, consensus_table
from alfs_cli.estimating.estimated import Estimated, Judged
from alfs_cli.estimating.options import EstimateOptions
from alfs_cli.estimating.order import in_canonical_order, sampled
from alfs_cli.estimators.crowds import crowd_summary
from alfs_cli.estimators.fitting import (
    check_classes,
    check_needs,
    check_options,
    estimate_noise,
    local_level,
)
from alfs_cli.estimators.plausible import plausible
from alfs_cli.evidence.alike import said_of_copies
from alfs_cli.evidence.crowd import Crowd
from alfs_cli.evidence.gathering import crowd_of, gather
from alfs_cli.evidence.interface import Evidence
from alfs_cli.evidence.representations import EncoderChoice
from alfs_cli.evidence.second import with_second
from alfs_cli.findings.finding import Finding
from alfs_cli.inspecting.examples import duplicate_findings, problem_finding
from alfs_cli.results.estimate import (
    Bounded,
    IssuesFile,
    KindCounts,
    NoiseEstimate,
)
from alfs_cli.storage.workers import Workers
from alfs_cli.suspects.promises import promised
from alfs_cli.suspects.scores import (
    KINDS,
    LabelScores,
    Listing,
    issues_table,
    listing,
    weighed_scores,
)
from alfs_cli.suspects.weighing import Weighed


@dataclass(frozen=True, eq=False)
class _Examples:
    """The examples to judge, with their trusted labels and content digests.

    `alike` are the digests where files with equal pixels share one; both are None where only
    probabilities are given.
    """

    dataset: LabelledDataset
    digests: Digests | None
    trusted: Trusted | None
    alike: Digests | None = None

    def among(self, places: NDArray[np.int64]) -> "_Examples":
        """Return the examples at the indices `places`, renumbered."""
        return _Examples(
            self.dataset.subset(places),
            None if self.digests is None else [self.digests[place] for place in places],
            None if self.trusted is None else self.trusted.among(places, len(self.dataset)),
            None if self.alike is None else [self.alike[place] for place in places],
        )


def estimate_dataset(
    dataset: LabelledDataset,
    options: EstimateOptions,
    console: Console,
    *,
    trusted: Trusted | None = None,
    started: float | None = None,
    workers: Workers | None = None,
) -> Estimated:
    """Gather evidence on a data set, estimate T from it, and score every label.

    `trusted` holds true labels by index in `dataset`; they replace those of the file in `options`.
    `started` is the `time.perf_counter()` from which seconds are counted; `workers` elsewhere
    encode pictures and texts.

    Raises AlfsError where the data cannot be judged as the options ask.
    """
    begun = time.perf_counter() if started is None else started
    check_options(method=options.method, confidence=options.confidence, resamples=options.resamples)
    check_classes(dataset.num_classes)
    examples = _examples(dataset, trusted, options, console)
    evidence = _evidence(examples.dataset, options, console, workers)
    examples = replace(examples, alike=_alike(examples.dataset, evidence, examples.digests))
    findings = _findings(examples, evidence, console)
    if len(evidence.kept) < len(examples.dataset):
        examples = examples.among(evidence.kept)
    crowd = _crowd(examples.dataset, evidence)
    evidence = replace(evidence, crowd=crowd)
    estimate = _fit(examples, evidence, options, console)
    T = np.array(estimate.transition)
    with console.working("scoring labels"):
        scores, weighed = _scores(examples, evidence, estimate)
    labels = examples.dataset.labels
    listed = listing(
        scores,
        labels,
        options.issue_threshold,
        most=math.ceil(estimate.noise_rate.high * len(labels)),
        is_whole=options.all_scores,
    )
    if estimate.trust.level == "low" and not estimate.trusted_examples:
        estimate = plausible(estimate, weighed.expected_rate)
    with console.working("finding neighbours of suspects"):
        table = issues_table(
            examples.dataset,
            scores,
            listed,
            transition=np.array(estimate.transition),
            features=evidence.features,
        )
    estimate = replace(
        estimate,
        issues=_issues_file(examples.dataset, scores, listed, weighed),
        seconds=time.perf_counter() - begun,
    )
    if evidence.in_sample and not options.in_sample_ok:
        console.warn(
            "the probabilities look in-sample; noise will be underestimated "
            "(--in-sample-ok if they are not)"
        )
    judged = Judged(examples.dataset, evidence, T, scores, listed, findings, examples.digests)
    consensus = None
    if crowd is not None:
        probs = consensus_probs(crowd, evidence, examples.dataset)
        consensus = consensus_table(crowd, probs, examples.dataset)
    return Estimated(estimate, table, judged, consensus)


def _crowd(dataset: LabelledDataset, evidence: Evidence) -> Crowd | None:
    """Return the labels of two or more annotators, None where there are none."""
    if evidence.crowd is not None:
        return evidence.crowd if evidence.crowd.size > 1 else None
    marks = dataset.annotations
    return None if marks is None or marks.shape[1] < 2 else crowd_of(dataset, marks)


def _examples(
    dataset: LabelledDataset, trusted: Trusted | None, options: EstimateOptions, console: Console
) -> _Examples:
    """Return the examples in canonical order, or a sample of them, with their trusted labels."""
    if trusted is not None:
        positions = positions_of(dataset)[trusted.places]
    ordered, digests = in_canonical_order(dataset)
    if trusted is not None:
        place = np.full(int(positions_of(ordered).max()) + 1, -1)
        place[positions_of(ordered)] = np.arange(len(ordered))
        order = np.argsort(place[positions], kind="stable")
        trusted = replace(trusted.taken(order), places=place[positions][order])
    elif options.trusted is not None:
        read = trusted_of_audit if is_audit(options.trusted) else read_trusted
        trusted = read(options.trusted, ordered)
    check_needs(options.method, ordered, trusted)
    for text in (*ordered.notes, *(trusted.notes if trusted is not None else ())):
        console.note(f"note: {text}")
    examples = _Examples(ordered, digests, trusted)
    if options.max_examples is None or options.max_examples >= len(ordered):
        return examples
    places = sampled(ordered, options.max_examples, options.seed)
    if trusted is not None:
        places = np.union1d(places, trusted.places)
    console.note(
        f"note: {len(places):,} of {len(ordered):,} examples judged, a sample stratified by label"
    )
    return examples.among(places)


def _evidence(
    dataset: LabelledDataset,
    options: EstimateOptions,
    console: Console,
    workers: Workers | None,
) -> Evidence:
    """Return the evidence; notes and doubts about it go to the console."""
    gathering = time.perf_counter()
    with console.progress() as progress:
        seen = gather(
            dataset,
            kind=options.evidence,
            folds=options.folds,
            seed=options.seed,
            encoder=EncoderChoice(
                options.encoder or (), options.encoder_size, options.download, options.device
            ),
            cache=options.cache,
            progress=progress,
            workers=workers,
        )
    if dataset.prior_probs is not None:
        seen = with_second(seen, dataset.prior_probs[seen.kept], dataset.labels[seen.kept])
    console.detail(
        f"evidence {seen.name}: agreement {100 * seen.agreement:.1f} %, "
        f"{time.perf_counter() - gathering:.1f} s"
    )
    looked_at = dataset.images is not None and seen.kind in ("encoder", "pixels", "network")
    of_pictures = dataset.images.notes if looked_at and dataset.images is not None else ()
    copies = said_of_copies(seen.alike, dataset.spec.group_column)
    for text in (*of_pictures, *seen.notes, *copies):
        console.note(f"note: {text}")
    for text in _disorder(dataset, seen, options):
        console.warn(text)
    return seen


def _disorder(dataset: LabelledDataset, seen: Evidence, options: EstimateOptions) -> Iterator[str]:
    """Yield doubts about the order of rows and columns.

    Raises InputError where given probabilities are surely out of order. Where they were made here
    the labels alone can be, and what they are then is noise.
    """
    is_given = seen.kind == "pred-probs"
    if not is_given and seen.folds is None:
        return
    labels, places = dataset.labels[seen.kept], positions_of(dataset)[seen.kept]
    moved = moved_rows(seen.probs.argmax(axis=1), labels, places)
    if not is_given:
        if moved is not None and not options.rows_as_given:
            yield f"the labels may have slipped: {moved} ({AS_GIVEN} if they have not)"
        return
    doubt = refuse_disorder(
        confusion_of(seen.probs, labels),
        dataset.class_names,
        moved,
        columns_as_given=options.columns_as_given,
        rows_as_given=options.rows_as_given,
    )
    by_chance = None if options.rows_as_given else said_of_chance(seen.probs, labels)
    yield from (text for text in (doubt, by_chance) if text is not None)


def _alike(dataset: LabelledDataset, seen: Evidence, digests: Digests | None) -> Digests | None:
    """Return the digests, with equal ones for files of equal pixels under different labels.

    Rows of a table that coincide by chance have none: they are different examples, and prove
    nothing where their labels differ. Rows that are all one do: nothing tells them apart.
    """
    by_chance = seen.alike is not None and seen.alike.are_coincidences
    if digests is not None and by_chance and len(set(digests)) > 1:
        return [None] * len(digests)
    if digests is None or dataset.images is None or dataset.paths is None or seen.features is None:
        return digests
    return digests_of_pictures(dataset.images, dataset.labels, digests, seen.features, seen.kept)


def _findings(examples: _Examples, evidence: Evidence, console: Console) -> tuple[Finding, ...]:
    """Return the findings in the files; problems are also noted on the console."""
    dataset = examples.dataset
    problems = (*dataset.problems, *_unreadable(dataset, evidence))
    for text in in_words(problems):
        console.note(f"note: {text}")
    of_copies: tuple[Finding, ...] = ()
    if examples.digests and examples.alike:
        of_copies = tuple(duplicate_findings(dataset, examples.digests, examples.alike))
    return (*(problem_finding(problem, dataset) for problem in problems), *of_copies)


def _fit(
    examples: _Examples, evidence: Evidence, options: EstimateOptions, console: Console
) -> NoiseEstimate:
    estimating = time.perf_counter()
    local = None
    with console.working("fitting T"):
        if options.local:
            local = local_level(
                examples.dataset, evidence, confidence=options.confidence, seed=options.seed
            )
        estimate = estimate_noise(
            examples.dataset,
            evidence,
            method=options.method,
            confidence=options.confidence,
            resamples=options.resamples,
            seed=options.seed,
            in_sample_ok=options.in_sample_ok,
            trusted=examples.trusted,
        )
        if evidence.crowd is not None:
            summary = crowd_summary(evidence.crowd, confidence=options.confidence)
            estimate = replace(estimate, crowd=replace(summary, file=CONSENSUS))
    console.detail(
        f"{estimate.method}: r at least {estimate.clean_level.low:.3g}, "
        f"{time.perf_counter() - estimating:.1f} s"
    )
    return replace(estimate, local=local)


def _scores(
    examples: _Examples, evidence: Evidence, estimate: NoiseEstimate
) -> tuple[LabelScores, Weighed]:
    labels, alike, trusted = examples.dataset.labels, examples.alike, examples.trusted
    crowd = evidence.crowd
    T, prior, rate = np.array(estimate.transition), estimate.class_prior, estimate.noise_rate
    if crowd is not None and crowd.given is None and estimate.annotators:
        T, rate = _of_majority(crowd, labels)  # the labels that are scored are those of votes
    scores, weighed = weighed_scores(
        evidence.probs,
        labels,
        T,
        np.array(prior),
        rate,
        identical=() if alike is None else conflicting_duplicates(labels, alike),
        is_given=evidence.kind == "pred-probs",
    )
    if trusted is not None:
        scores = scores.settled(trusted.places, trusted.true, labels)
    return scores, weighed


def _of_majority(crowd: Crowd, labels: IntArray) -> tuple[FloatArray, Bounded]:
    """Return T (K, K) of labels (N,) chosen by vote, and their noise rate by every account."""
    found = crowd.of_labels(labels)
    rates = [float(1 - prior @ np.diag(T)) for T, prior in found]
    value = float(crowd.model.weights @ rates)
    T = crowd.model.averaged(np.stack([T for T, _ in found]))
    return T, Bounded(value, min(rates), max(rates))


def _issues_file(
    dataset: LabelledDataset, scores: LabelScores, listed: Listing, weighed: Weighed
) -> IssuesFile:
    """Return how many labels are listed, and their expected and, if known, true precision."""
    counts = KindCounts(**{kind: listed.kinds.count(kind) for kind in KINDS})
    by_kind = promised(
        scores.score,
        listed.of("likely"),
        listed.of("possible"),
        scores.expected,
        weighed,
        len(scores.score),
        known=scores.known,
    )
    total = counts.proven + counts.likely + counts.possible
    found = IssuesFile("issues.csv", total, by_kind.likely, by_kind, counts)
    if dataset.true_labels is None:
        return found
    wrong, told = dataset.labels != dataset.true_labels, listed.of("proven", "likely")
    hits = int(wrong[told].sum())
    return replace(
        found,
        precision=hits / len(told) if len(told) else None,
        recall=hits / int(wrong.sum()) if wrong.any() else None,
    )


def _unreadable(dataset: LabelledDataset, evidence: Evidence) -> tuple[Problem, ...]:
    """Return the problem of each unreadable image; raise InputError where they are many."""
    is_left_out = np.ones(len(dataset), dtype=np.bool_)
    is_left_out[evidence.kept] = False
    left_out = np.flatnonzero(is_left_out)
    left_out = left_out[np.argsort(positions_of(dataset)[left_out])]
    problems = [
        replace(
            problem,
            line=int(dataset.lines[place]) if dataset.lines is not None else None,
            given=dataset.class_names[dataset.labels[place]],
            row=int(positions_of(dataset)[place]),
        )
        for place in left_out
        if dataset.images is not None
        and (problem := dataset.images.problem(int(place))) is not None
    ]
    if len(left_out) > MAX_BAD * len(dataset) and not dataset.spec.lenient:
        first = ", ".join(f"'{problem.path}'" for problem in problems[:5])
        raise InputError(
            f"{len(left_out):,} of {len(dataset):,} images cannot be read, over "
            f"{100 * MAX_BAD:g} %: {first}",
            help="mend or remove them",
        )
    return tuple(problems)
