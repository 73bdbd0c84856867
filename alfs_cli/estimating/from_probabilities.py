"""The estimate of probabilities too large for memory: T from a sample, then all labels."""

from typing import Any

import numpy as np

from alfs_cli.arrays import IntArray
from alfs_cli.console import Console
from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.data.matching import confusion_of, refuse_permuted
from alfs_cli.data.readers.probabilities import NOTHING_MENDED, Rounding
from alfs_cli.data.readers.streaming import Block, ProbabilityStream, open_probabilities
from alfs_cli.errors import InputError
from alfs_cli.estimating.estimated import Estimated
from alfs_cli.estimating.in_passes import TASK, block_rows, on_threads
from alfs_cli.estimating.options import EstimateOptions
from alfs_cli.estimating.streamed import Drawn, finished, fitted, most_drawn
from alfs_cli.estimators.fitting import check_classes
from alfs_cli.evidence.interface import Evidence, evidence_from_probs
from alfs_cli.suspects.streamed import Judge, Tally, added, tallied
from alfs_cli.text.addresses import shown

WAITING = 64  # tallies that are added at once


def estimate_probabilities(
    spec: DataSpec, options: EstimateOptions, console: Console, *, started: float
) -> Estimated:
    """Estimate from all rows of DATA, read twice: T from a random sample, then the suspects of all.

    Raises InputError for a row that is no distribution, or a label that is no class.
    """
    stream = open_probabilities(spec)
    check_classes(len(stream.class_names))
    with console.progress() as progress:

        def tell(done: int) -> None:
            progress(TASK, done, 2 * stream.count)

        drawn, totals, rounding = _first_pass(stream, tell, seed=options.seed)
    for text in rounding.notes():
        console.note(f"note: {text}")
    if not options.columns_as_given:
        confusion = confusion_of(drawn.probs, drawn.labels)
        if (doubt := refuse_permuted(confusion, stream.class_names)) is not None:
            console.warn(doubt)

    def about(some: Drawn) -> tuple[LabelledDataset, Evidence]:
        return _about(stream, spec, some, totals)

    with console.working("fitting T"):
        fit = fitted(drawn, about, options, console)
    with console.progress() as progress:

        def tell_more(done: int) -> None:
            progress(TASK, stream.count + done, 2 * stream.count)

        tally = _second_pass(stream, fit.judge.alone(), tell_more, is_mended=bool(rounding.rows))
    done = finished(fit, tally, options, console, started=started)
    if done.estimate.evidence.in_sample and not options.in_sample_ok:
        console.warn(
            "the probabilities look in-sample; noise will be underestimated "
            "(--in-sample-ok if they are not)"
        )
    return done


def _first_pass(
    stream: ProbabilityStream, tell: Any, *, seed: int
) -> tuple[Drawn, IntArray, Rounding]:
    """Return a random sample, the number of examples by label (K,), and the rows mended."""
    K = len(stream.class_names)
    count = min(stream.count, most_drawn(K))
    generator = np.random.default_rng([seed, 8])
    wanted = np.sort(generator.choice(stream.count, count, replace=False, shuffle=False))
    totals, rounding = np.zeros(K, np.int64), NOTHING_MENDED
    probs, labels = [], []

    def read(block: Block) -> Block:
        return block.checked()

    for block in on_threads(read, stream.blocks(block_rows(K), check=False)):
        first, last = np.searchsorted(wanted, [block.start, block.start + len(block.labels)])
        rows = wanted[first:last] - block.start
        probs.append(np.array(block.probs[rows]))
        labels.append(block.labels[rows])
        totals += np.bincount(block.labels, minlength=K)
        rounding += block.rounding
        tell(block.start + len(block.labels))
    if not probs:
        raise InputError("the probabilities hold no examples", help="is it the right file?")
    return Drawn(np.concatenate(probs), np.concatenate(labels)), totals, rounding


def _second_pass(stream: ProbabilityStream, judge: Judge, tell: Any, *, is_mended: bool) -> Tally:
    def read(block: Block) -> Tally:
        block = block.checked() if is_mended else block
        rows = block.start + np.arange(len(block.labels))
        return tallied(judge, block.probs, block.labels, rows)

    found: list[Tally] = []
    rows, done = block_rows(len(stream.class_names)), 0
    for tally in on_threads(read, stream.blocks(rows, check=False)):
        found.append(tally)
        if len(found) > WAITING:
            found = [added(found)]
        done += tally.count
        tell(done)
    return added(found)


def _about(
    stream: ProbabilityStream, spec: DataSpec, drawn: Drawn, totals: IntArray
) -> tuple[LabelledDataset, Evidence]:
    dataset = LabelledDataset(
        name=shown(str(spec.pred_probs)),
        kind="probabilities",
        spec=spec,
        labels=drawn.labels,
        class_names=stream.class_names,
        fingerprint=stream.fingerprint,
        pred_probs=drawn.probs,
        totals=totals,
    )
    probs = np.asarray(drawn.probs, dtype=np.float64)
    return dataset, evidence_from_probs(probs, drawn.labels)
