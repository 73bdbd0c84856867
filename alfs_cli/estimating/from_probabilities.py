"""The estimate of probabilities too large for memory: T from a sample, then all labels."""

from typing import Any

import numpy as np

from alfs_cli.arrays import IntArray
from alfs_cli.console import Console
from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.data.matching import confusion_of
from alfs_cli.data.readers.probabilities import NOTHING_MENDED, Rounding
from alfs_cli.data.readers.streaming import Block, ProbabilityStream, open_probabilities
from alfs_cli.data.row_order import Moved, moved_rows, refuse_disorder, said_of_chance
from alfs_cli.errors import InputError
from alfs_cli.estimating.estimated import Estimated
from alfs_cli.estimating.in_passes import TASK, block_rows, on_threads
from alfs_cli.estimating.options import EstimateOptions
from alfs_cli.estimating.streamed import Drawn, finished, fitted, most_drawn
from alfs_cli.estimators.fitting import check_classes
from alfs_cli.evidence.interface import Evidence, evidence_from_probs
from alfs_cli.evidence.zeros import filled, step_of
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

        drawn, totals, rounding, step, moved = _first_pass(stream, tell, seed=options.seed)
    for text in rounding.notes():
        console.note(f"note: {text}")
    doubt = refuse_disorder(
        confusion_of(drawn.probs, drawn.labels),
        stream.class_names,
        moved,
        columns_as_given=options.columns_as_given,
        rows_as_given=options.rows_as_given,
    )
    by_chance = None if options.rows_as_given else said_of_chance(drawn.probs, drawn.labels)
    for said in (doubt, by_chance):
        if said is not None:
            console.warn(said)

    def about(some: Drawn) -> tuple[LabelledDataset, Evidence]:
        return _about(stream, spec, some, totals)

    with console.working("fitting T"):
        fit = fitted(drawn, about, options, console)
    with console.progress() as progress:

        def tell_more(done: int) -> None:
            progress(TASK, stream.count + done, 2 * stream.count)

        tally = _second_pass(
            stream, fit.judge.alone(), tell_more, step=step, is_mended=bool(rounding.rows)
        )
    done = finished(fit, tally, options, console, started=started)
    if done.estimate.evidence.in_sample and not options.in_sample_ok:
        console.warn(
            "the probabilities look in-sample; noise will be underestimated "
            "(--in-sample-ok if they are not)"
        )
    return done


def _first_pass(
    stream: ProbabilityStream, tell: Any, *, seed: int
) -> tuple[Drawn, IntArray, Rounding, float, Moved | None]:
    """Return a random sample, the number of examples by label (K,), rows mended, and the step.

    The last is where rows are the most out of step, looked for in each block alone.

    The zeros of the sample share the step already.
    """
    K = len(stream.class_names)
    count = min(stream.count, most_drawn(K))
    generator = np.random.default_rng([seed, 8])
    wanted = np.sort(generator.choice(stream.count, count, replace=False, shuffle=False))
    totals, rounding, step = np.zeros(K, np.int64), NOTHING_MENDED, 1.0
    probs, labels = [], []
    moved: Moved | None = None

    def read(block: Block) -> tuple[Block, float, Moved | None]:
        block = block.checked()
        places = block.start + np.arange(len(block.labels))
        run = moved_rows(block.probs.argmax(axis=1), block.labels, places, is_part=True)
        return block, step_of(block.probs), run

    for block, its_step, run in on_threads(read, stream.blocks(block_rows(K), check=False)):
        first, last = np.searchsorted(wanted, [block.start, block.start + len(block.labels)])
        rows = wanted[first:last] - block.start
        probs.append(np.array(block.probs[rows]))
        labels.append(block.labels[rows])
        totals += np.bincount(block.labels, minlength=K)
        rounding += block.rounding
        step = min(step, its_step)
        moved = max((one for one in (moved, run) if one), key=lambda one: one.gain, default=None)
        tell(block.start + len(block.labels))
    if not probs:
        raise InputError("the probabilities hold no examples", help="is it the right file?")
    drawn = Drawn(filled(np.concatenate(probs), step), np.concatenate(labels))
    return drawn, totals, rounding, step, moved


def _second_pass(
    stream: ProbabilityStream, judge: Judge, tell: Any, *, step: float, is_mended: bool
) -> Tally:
    def read(block: Block) -> Tally:
        block = block.checked() if is_mended else block
        rows = block.start + np.arange(len(block.labels))
        return tallied(judge, filled(block.probs, step), block.labels, rows)

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
