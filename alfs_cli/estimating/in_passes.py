"""Estimates from files of probabilities that are read in two passes, never all in memory."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.console import Console
from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.data.matching import refuse_permuted
from alfs_cli.data.rare import rare_classes
from alfs_cli.data.readers.probabilities import NOTHING_MENDED
from alfs_cli.data.readers.streaming import BLOCK_ROWS, Block, ProbabilityStream, open_probabilities
from alfs_cli.errors import InputError
from alfs_cli.estimating.estimated import Estimated
from alfs_cli.estimating.options import EstimateOptions
from alfs_cli.estimators.fitting import check_classes
from alfs_cli.estimators.joint.posterior import possible, true_class
from alfs_cli.estimators.joint.tuning import HEAD
from alfs_cli.estimators.parts.counts import CountedEstimate
from alfs_cli.estimators.parts.rare import RareAside
from alfs_cli.estimators.passes.shards import (
    LARGEST_ODDS,
    MAX_SUSPECTS,
    ODDS,
    SAMPLE_NUMBERS,
    Sample,
    Suspects,
    Tallied,
    first_pass,
    joined,
    log_odds,
    reach_of,
    second_pass,
    side_by_side,
)
from alfs_cli.estimators.passes.tally import THREADS, Counting
from alfs_cli.estimators.summary import summarised
from alfs_cli.evidence.interface import Evidence
from alfs_cli.results.estimate import (
    IssuesFile,
    KindCounts,
    NoiseEstimate,
)
from alfs_cli.suspects.precision import LIKELY
from alfs_cli.suspects.promises import as_expected, promised
from alfs_cli.suspects.reasons import NEIGHBOURS, TRANSITION
from alfs_cli.suspects.scores import COLUMNS, in_doubt
from alfs_cli.suspects.weighing import weigh

if TYPE_CHECKING:
    import pandas as pd

Result = TypeVar("Result")

BLOCK_NUMBERS = 2**24  # probabilities in a block, 64 MB of float32
TOO_MANY = {
    "auto": 5 * 10**7,
    "joint-ml": 5 * 10**7,
    "confident": 2 * 10**6,
}  # probabilities above which they are streamed
TASK = "reading probabilities"  # shown with the progress


def is_read_in_passes(spec: DataSpec, method: str) -> bool:
    """Say whether DATA is only probabilities, and too many of them to be fitted in memory."""
    if spec.source is not None or spec.pred_probs is None or method not in TOO_MANY:
        return False
    if spec.true_labels is not None:
        return False
    stream = open_probabilities(spec)
    return stream.count * len(stream.class_names) > TOO_MANY[method]


def is_counted(spec: DataSpec, method: str) -> bool:
    """Say whether probabilities that are read in passes are counted, not fitted on a sample.

    Of so many classes the joint model is not fitted in memory either: a class has few examples.
    """
    return method == "confident" or (
        method == "auto" and len(open_probabilities(spec).class_names) > HEAD.max_classes
    )


def estimate_in_passes(
    spec: DataSpec, options: EstimateOptions, console: Console, *, started: float
) -> Estimated:
    """Estimate from all rows of DATA in two passes, by the method `confident`."""
    stream = open_probabilities(spec)
    whole = passes(stream, 0, stream.count, console, is_whole=True)
    about = about_stream(stream, spec, 1, 1)
    return finished(whole, about, options, console, started=started)


def about_stream(
    stream: ProbabilityStream, spec: DataSpec, part: int, parts: int
) -> dict[str, Any]:
    """Return the description of the data that the statistics of a part are saved with."""
    return {
        "part": part,
        "parts": parts,
        "count": stream.count,
        "classes": list(stream.class_names),
        "fingerprint": stream.fingerprint,
        "spec": spec.given(),
    }


# The passes.


def passes(
    stream: ProbabilityStream, first: int, last: int, console: Console, *, is_whole: bool
) -> Tallied:
    """Read rows `first` to `last` (exclusive) twice, and return their statistics.

    The first pass finds the thresholds of confident labels, the second one counts. Of a part of the
    data only bounds of the thresholds are known: rows between them stay open until the merge.
    """
    K = len(stream.class_names)
    check_classes(K)
    rows = block_rows(K)
    stride = max(1, stream.count * K // SAMPLE_NUMBERS)
    total = 2 * (last - first)
    with console.progress() as progress:

        def read_first(block: Block) -> Any:
            block = block.checked()
            return first_pass(block.probs, block.labels), block.rounding

        done, rounding = 0, NOTHING_MENDED
        sums, odds = None, np.zeros((K, ODDS), np.int64)
        blocks = stream.blocks(rows, first=first, last=last, check=False)
        for (part, histogram), mended in on_threads(read_first, blocks):
            sums = part if sums is None else sums + part
            odds += histogram
            rounding += mended
            done += mended.of
            progress(TASK, done, total)
        if sums is None:
            raise InputError("the probabilities hold no examples", help="is it the right file?")
        for text in rounding.notes():
            console.note(f"note: {text}")
        limits = sums.thresholds()
        reach = np.stack([limits, limits]) if is_whole else reach_of(sums)

        def read_second(block: Block) -> Any:
            block = block.checked() if rounding.rows else block
            found = second_pass(block.probs, block.labels, block.start, reach, stride)
            return found, block.labels

        counting, kept = Counting(K), np.zeros(K, np.int64)
        still_open, suspects, samples = [], [], []
        waiting = 0
        blocks = stream.blocks(rows, first=first, last=last, check=False)
        for (placed, opened, wrong, sample), labels in on_threads(read_second, blocks):
            counting.add(placed, labels)
            still_open.append(opened)
            samples.append(sample)
            suspects.append(wrong)
            kept += np.bincount(wrong.label, minlength=K)
            waiting += len(wrong.row)
            if waiting > MAX_SUSPECTS:
                suspects = [side_by_side(Suspects, suspects).worst(K)]
                waiting = 0
            done += len(labels)
            progress(TASK, done, total)
    whole = side_by_side(Suspects, suspects).worst(K)
    counts = counting.finished()
    counts = counts.at_least_one(sums.examples) if is_whole else counts
    sample = side_by_side(Sample, samples)
    return Tallied(sums, odds, counts, joined(still_open), reach, whole, kept, sample)


def block_rows(num_classes: int) -> int:
    """Return how many rows of probabilities are read at once."""
    return int(np.clip(BLOCK_NUMBERS // num_classes, 256, BLOCK_ROWS))


def on_threads(work: Callable[[Block], Result], blocks: Iterator[Block]) -> Iterator[Result]:
    """Yield the results of blocks in order, computed on a few threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        flying: deque[Future[Result]] = deque()
        for block in blocks:
            flying.append(pool.submit(work, block))
            if len(flying) > THREADS:
                yield flying.popleft().result()
        while flying:
            yield flying.popleft().result()


# The estimate.


def finished(
    whole: Tallied,
    about: dict[str, Any],
    options: EstimateOptions,
    console: Console,
    *,
    started: float,
) -> Estimated:
    """Return the estimate from the statistics of all rows, with its table of suspects."""
    counts, examples, sample = whole.counts, whole.sums.examples, whole.sample
    if not options.columns_as_given:  # the confident class is nearly always the most probable
        text = refuse_permuted(counts.joint, tuple(about["classes"]))
        if text is not None:
            console.warn(text)
    total = int(examples.sum())
    dataset = LabelledDataset(
        name=str(about["spec"].get("pred_probs")),
        kind="probabilities",
        spec=DataSpec(None, **about["spec"]),
        labels=sample.label,
        class_names=tuple(about["classes"]),
        fingerprint=about["fingerprint"],
        pred_probs=sample.probs,
        totals=examples,
    )
    evidence = Evidence(
        kind="pred-probs",
        name="given probabilities",
        probs=np.asarray(sample.probs, dtype=np.float64),
        folds=None,
        fold_of=None,
        agreement=counts.agreeing / total,
        calibration_error=counts.calibration_error(total),
        kept=np.arange(len(sample.label)),
    )
    found = _counted(counts.joint, examples)
    kept = np.flatnonzero(~rare_classes(examples))
    inner = CountedEstimate(found.method, found.counts[np.ix_(kept, kept)], examples[kept])
    estimate = summarised(
        found if len(kept) == len(examples) else RareAside(inner, kept, examples),
        dataset,
        evidence,
        confidence=options.confidence,
        resamples=options.resamples,
        seed=options.seed,
        in_sample_ok=options.in_sample_ok,
    )
    table, issues = _suspects(whole, found, estimate, evidence, dataset, options.issue_threshold)
    cut = np.flatnonzero(whole.found > np.bincount(whole.suspects.label, minlength=len(examples)))
    if len(cut):
        console.note(
            f"note: issues.csv can list the {np.bincount(whole.suspects.label).max():,} least "
            f"probable labels of a class at most; {len(cut)} classes have more that disagree"
        )
    estimate = replace(
        estimate,
        issues=issues,
        seconds=time.perf_counter() - started,
    )
    return Estimated(estimate, table)


def _counted(joint: IntArray, examples: IntArray) -> CountedEstimate:
    """Return the estimate of the joint counts (K, K) without those of rare classes.

    The threshold of a rare class is so low that every example reaches it. So its off-diagonal
    counts are dropped, and its given labels are counted as right.
    """
    counts, rare = joint.astype(np.float64), rare_classes(examples)
    counts[rare], counts[:, rare] = 0.0, 0.0
    counts[rare, rare] = examples[rare]
    return CountedEstimate("confident", counts, examples)


def _suspects(
    whole: Tallied,
    found: CountedEstimate,
    estimate: NoiseEstimate,
    evidence: Evidence,
    dataset: LabelledDataset,
    threshold: float,
) -> tuple["pd.DataFrame", IssuesFile]:
    """Return the rows of issues.csv, and their expected precision.

    The sample gives a posterior weight to each noise rate of a grid. At each rate the log odds of
    the label's own probability are shifted by a constant per given label, such that the scores sum
    to the number of wrong labels at that rate. Scores are averaged over the rates.
    """
    from scipy.special import expit

    T = possible(np.array(estimate.transition), dataset.labels)
    prior = np.array(estimate.class_prior)
    see = true_class(evidence.probs, dataset.labels, T)
    weighed = weigh(
        evidence.probs, dataset.labels, T, prior, estimate.noise_rate, q=see, is_given=True
    )
    rates, weights = weighed.by_rate()
    suspects = whole.suspects
    odds = log_odds(suspects.own)
    shares = _wrong_shares(whole, found)
    score = weights @ np.stack(
        [expit(odds + _shifts(whole, share)[suspects.label]) for share in shares(rates)]
    )
    total = int(whole.sums.examples.sum())
    most = math.ceil(estimate.noise_rate.high * total)
    expected = None
    if (is_likely := score >= LIKELY).any():
        disagreement = float((evidence.probs.argmax(axis=1) != dataset.labels).mean())
        score[is_likely], expected = as_expected(score[is_likely], disagreement, weighed)

    order = np.lexsort((suspects.row, -score))
    likely = order[score[order] >= threshold]
    by_doubt = in_doubt(score, suspects.own)
    doubted = by_doubt[~np.isin(by_doubt, likely)][: max(most - len(likely), 0)]
    listed = np.concatenate([likely, doubted])
    by_kind = promised(score, likely, doubted, expected, weighed, total)
    counts = KindCounts(0, len(likely), len(doubted))
    T = np.array(estimate.transition)
    table = _table(suspects, score, listed, counts, dataset.class_names, T)
    return table, IssuesFile("issues.csv", len(listed), by_kind.likely, by_kind, counts)


def _table(
    suspects: Suspects,
    score: FloatArray,
    listed: IntArray,
    counts: KindCounts,
    names: tuple[str, ...],
    T: FloatArray,
) -> "pd.DataFrame":
    """Return the rows of issues.csv, those of `listed` in that order."""
    import pandas as pd

    classes = np.array(names, dtype=object)
    return pd.DataFrame(
        {
            "index": suspects.row[listed],
            "path": [""] * len(listed),
            "given": classes[suspects.label[listed]],
            "suggested": classes[suspects.top[listed]],
            "self_confidence": suspects.own[listed],
            "suggested_confidence": suspects.highest[listed],
            "score": score[listed],
            "kind": ["likely"] * counts.likely + ["possible"] * counts.possible,
            NEIGHBOURS: [""] * len(listed),  # no pass holds all features
            TRANSITION: T[suspects.top[listed], suspects.label[listed]],
        },
        columns=[*COLUMNS, NEIGHBOURS, TRANSITION],
    )


def _wrong_shares(
    whole: Tallied, found: CountedEstimate
) -> Callable[[FloatArray], Iterator[FloatArray]]:
    """Return a function of noise rates that yields the wrong share of each given label, (K,) each.

    The shares are proportional to those of the counts, or equal where the counts have no noise.
    """
    examples = np.maximum(whole.sums.examples, 1)
    wrong = np.clip(1 - np.diag(found.joint()) / examples, 0.0, 1.0)
    rate = float((wrong * examples).sum() / examples.sum())
    shape = wrong / rate if rate > 0 else np.ones(len(wrong))

    def shares(rates: FloatArray) -> Iterator[FloatArray]:
        return (np.minimum(one * shape, 1.0) for one in rates)

    return shares


def _shifts(whole: Tallied, wrong: FloatArray) -> FloatArray:
    """Return the shift of log odds (K,) at which the mean score of a label is its wrong share.

    Found by bisection on the histogram of log odds.
    """
    from scipy.special import expit

    examples = np.maximum(whole.sums.examples, 1)
    centres = (np.arange(ODDS) + 0.5) * (2 * LARGEST_ODDS / ODDS) - LARGEST_ODDS
    low, high = np.full(len(wrong), -40.0), np.full(len(wrong), 40.0)
    for _ in range(60):
        middle = (low + high) / 2
        mean = (whole.odds * expit(centres + middle[:, None])).sum(axis=1) / examples
        low, high = np.where(mean < wrong, middle, low), np.where(mean < wrong, high, middle)
    return np.asarray((low + high) / 2, dtype=np.float64)
