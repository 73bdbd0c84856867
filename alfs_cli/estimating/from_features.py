"""The estimate of a folder of features, file by file, here or on a cluster.

A sample, pass one (moments), the merge of them (heads), T on a sample, pass two (tallies). The runs
of files that are worked on at once depend on their number alone, and results are added in the order
of files: the estimate is the same whatever the number of workers, and whichever of them died.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from alfs_cli.arrays import IntArray
from alfs_cli.console import Console
from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.data.feature_columns import Columns
from alfs_cli.data.feature_files import FeatureBlock
from alfs_cli.data.readers.features import KIND, FeatureStream, open_features
from alfs_cli.errors import InputError, UsageError
from alfs_cli.estimating.estimated import Estimated
from alfs_cli.estimating.options import EstimateOptions
from alfs_cli.estimating.streamed import Drawn, Fitted, finished, fitted, most_drawn
from alfs_cli.estimators import ESTIMATORS
from alfs_cli.estimators.fitting import check_classes
from alfs_cli.evidence.interface import Evidence
from alfs_cli.evidence.moments import (
    PLANNED_ON,
    Heads,
    Moments,
    Plan,
    Sampled,
    first_pass,
    merge,
    planned,
    runs,
    sampled,
    total,
)
from alfs_cli.results.evaluation import agreement, calibration_error
from alfs_cli.results.features import is_features_folder, load_features
from alfs_cli.storage.workers import Workers
from alfs_cli.suspects.streamed import Judge, Tally, added, tallied

Result = TypeVar("Result")

MOST_IN_MEMORY = 5 * 10**7  # features, or probabilities, above which files are read in passes
RUNS = 64  # of files, each worked on at once: the sums of a run are sent, not those of each file
FEATURES_KEPT = 5 * 10**7  # features of the sample, for the checks by neighbours
TASKS = ("pass 1 of 2: moments", "pass 2 of 2: suspects")


def folder_of(spec: DataSpec) -> Path | None:
    """Return the folder of features that DATA is, None where it is something else."""
    changed = replace(spec, source=None, features=None)
    if changed != DataSpec(None):
        return None
    name = spec.source if spec.features is None else spec.features
    is_alone = spec.source is None or spec.features is None
    return Path(str(name)) if is_alone and is_features_folder(name) else None


def may_be_streamed(options: EstimateOptions) -> bool:
    """Say whether the options ask for nothing that needs all features in memory."""
    needs = ESTIMATORS[options.method].needs
    return options.evidence in ("auto", "features") and needs is None and not options.encoder


def is_large(folder: Path) -> bool:
    """Say whether a folder holds more features, or stands for more probabilities, than fit."""
    stream = open_features(folder)
    width = stream.read(0).features.shape[1]
    return bool(stream.count * max(width, len(stream.about.classes)) > MOST_IN_MEMORY)


@dataclass(frozen=True)
class FirstPass:
    """Work on files: their moments. It can be pickled, and holds no examples."""

    stream: FeatureStream
    plan: Plan

    def __call__(self, files: int | Sequence[int]) -> Moments:
        """Return the moments of a file, or of several."""
        return total(first_pass(self.plan, self.stream.read(number)) for number in several(files))


@dataclass(frozen=True)
class SecondPass:
    """Work on files: their tallies. It can be pickled, and holds no examples."""

    stream: FeatureStream
    heads: Heads
    judge: Judge

    def __call__(self, files: int | Sequence[int]) -> Tally:
        """Return the tally of a file, or of several."""
        read = map(self.stream.read, several(files))
        return added([second_pass(self.heads, self.judge, block) for block in read])


def several(files: int | Sequence[int]) -> Sequence[int]:
    """Return the numbers of one file or of several."""
    return (files,) if isinstance(files, int) else files


def second_pass(heads: Heads, judge: Judge, block: FeatureBlock) -> Tally:
    """Return the tally of a block: each label scored by the head that did not see its example."""
    return tallied(judge, heads.probabilities(block), block.labels, block.index, block.paths)


@dataclass(frozen=True, eq=False)
class Passes:
    """An estimate in two passes over the files of a folder, begun: a sample was looked at."""

    stream: FeatureStream
    spec: DataSpec
    options: EstimateOptions
    plan: Plan
    sample: Sampled

    @classmethod
    def begun(cls, stream: FeatureStream, spec: DataSpec, options: EstimateOptions) -> "Passes":
        """Look at a sample, and plan the passes; raises AlfsError where it cannot be judged."""
        about, folds, seed = stream.about, options.folds, options.seed
        K = len(about.classes)
        check_classes(K)
        if not 2 <= folds <= 100:
            raise UsageError(
                f"--folds is {folds}, not between 2 and 100", help="for example --folds 5"
            )
        sample = sampled(stream.first(PLANNED_ON), folds=folds, seed=seed, most=PLANNED_ON)
        is_table = bool(about.columns)
        plan = planned(sample, K, stream.count, folds=folds, seed=seed, is_table=is_table)
        return cls(stream, spec, options, plan, sample)

    @property
    def first_pass(self) -> FirstPass:
        """The work on a file in pass one."""
        return FirstPass(self.stream, self.plan)

    def merged(self, moments: Iterable[Moments], console: Console) -> "Merged":
        """Return the heads of all folds, and T from a random sample that they score."""
        whole = total(moments)
        heads = merge(self.plan, [whole], self.sample)
        console.detail(f"ridge {heads.ridge:g}, held-out log-likelihood {heads.log_likelihood:.4f}")
        drawn = _drawn(self.stream, heads, most_drawn(self.plan.num_classes))
        totals = whole.counts.sum(axis=0)

        def about(some: Drawn) -> tuple[LabelledDataset, Evidence]:
            return _about(self.stream, self.spec, heads, some, totals)

        with console.working("fitting T"):
            fit = fitted(drawn, about, self.options, console)
        return Merged(self, heads, fit)


@dataclass(frozen=True, eq=False)
class Merged:
    """The estimate after pass one: the heads, and T from a sample."""

    passes: Passes
    heads: Heads
    fit: Fitted

    @property
    def second_pass(self) -> SecondPass:
        """The work on a file in pass two."""
        return SecondPass(self.passes.stream, self.heads, self.fit.judge.alone())

    def finished(self, tallies: Iterable[Tally], console: Console, *, started: float) -> Estimated:
        """Return the estimate, with the suspects among all examples."""
        tally = added(list(tallies))
        return finished(self.fit, tally, self.passes.options, console, started=started)


def estimate_features(
    spec: DataSpec,
    folder: Path,
    options: EstimateOptions,
    workers: Workers,
    console: Console,
    *,
    started: float,
) -> Estimated:
    """Estimate from a folder of features, reading each file twice and never holding all of them.

    Raises InputError where files are missing or damaged that hold more of the examples than the
    options allow.
    """
    place = folder.absolute()  # workers have a working folder of their own
    stream = readable(place, workers, console, max_bad=options.max_bad)
    with console.working("looking at a sample"):
        passes = Passes.begun(stream, spec, options)
    looked_at = len(passes.sample.labels)
    console.detail(f"{passes.plan.name}, chosen on {looked_at:,} examples")
    parts = runs(stream.numbers, RUNS)
    moments = _followed(TASKS[0], workers, passes.first_pass, parts, console)
    merged = passes.merged(moments, console)
    tallies = _followed(TASKS[1], workers, merged.second_pass, parts, console)
    return merged.finished(tallies, console, started=started)


def _followed(
    task: str,
    workers: Workers,
    work: Callable[[tuple[int, ...]], Result],
    parts: Sequence[tuple[int, ...]],
    console: Console,
) -> Iterator[Result]:
    """Yield the results of runs of files, in order, while progress is shown."""
    count, done = sum(map(len, parts)), 0
    with console.progress() as progress:
        for part, found in zip(parts, workers.map(work, parts), strict=True):
            done += len(part)
            progress(task, done, count)
            yield found


@dataclass(frozen=True)
class Check:
    """Work on a run of files: what is wrong with each that cannot be read."""

    stream: FeatureStream

    def __call__(self, numbers: Sequence[int]) -> dict[int, str]:
        """Return the message of each broken file."""
        found = {}
        for number in numbers:
            try:
                self.stream.read(number)
            except InputError as error:
                found[number] = str(error)
        return found


def readable(folder: Path, workers: Workers, console: Console, *, max_bad: float) -> FeatureStream:
    """Return the files of a folder that can be read, if they stand for enough of the examples.

    Without `max_bad` nothing is read here: the passes find what is broken.
    """
    if not max_bad:
        return open_features(folder)
    stream = FeatureStream(folder, load_features(folder))
    parts = runs(stream.numbers, RUNS)
    broken: dict[int, str] = {}
    for found in _followed("reading files", workers, Check(stream), parts, console):
        broken |= found
    lost = sum(stream.about.rows_of(number) for number in broken)
    if lost > max_bad * stream.about.count:
        first = next(iter(broken.values()))
        raise InputError(
            f"{len(broken):,} of {stream.about.files:,} files cannot be read, with "
            f"{lost / stream.about.count:.1%} of the examples: {first}",
            help="run `alfs features` again: it makes what is missing or damaged",
        )
    for text in broken.values():
        console.warn(f"left out: {text}")
    return replace(stream, skipped=tuple(broken))


def _drawn(stream: FeatureStream, heads: Heads, most: int) -> Drawn:
    """Return a random sample of examples with their out-of-fold probabilities."""
    blocks = list(stream.first(most))
    count = sum(map(len, blocks))
    places = np.linspace(0, count - 1, min(count, most)).astype(
        np.int64
    )  # rows of a file are sorted
    probs = np.concatenate([heads.probabilities(block) for block in blocks if len(block)])
    width = max(block.features.shape[1] for block in blocks)
    features = None
    if len(places) * width <= FEATURES_KEPT:
        features = np.concatenate([block.features for block in blocks if len(block)])[places]
    return Drawn(
        probs[places],
        np.concatenate([block.labels for block in blocks])[places],
        None if features is None else features.astype(np.float32),
        np.concatenate([heads.plan.fold_of(block) for block in blocks])[places],
    )


def _about(
    stream: FeatureStream, spec: DataSpec, heads: Heads, drawn: Drawn, totals: IntArray
) -> tuple[LabelledDataset, Evidence]:
    """Return what is known of a sample: as data, with the label counts of all, and as evidence."""
    about, plan = stream.about, heads.plan
    dataset = LabelledDataset(
        name=str(stream.folder),
        kind=KIND,
        spec=spec,
        labels=drawn.labels,
        class_names=about.classes,
        fingerprint=about.fingerprint,
        features=drawn.features,
        totals=totals,
        columns=Columns(about.columns) if about.columns else None,
    )
    probs = np.asarray(drawn.probs, dtype=np.float64)
    made = plan.name if about.encoder is None else f"{about.encoder}, {plan.name}"
    evidence = Evidence(
        kind=KIND,
        name=made,
        probs=probs,
        folds=plan.folds,
        fold_of=drawn.fold_of,
        agreement=agreement(probs, drawn.labels),
        calibration_error=calibration_error(probs, drawn.labels),
        kept=np.arange(len(drawn.labels)),
        features=drawn.features,
        encoder=about.encoder,
        map=plan.kind,
    )
    return dataset, evidence
