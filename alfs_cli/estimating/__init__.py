"""From DATA to an estimate, in memory or in passes over data too large for memory."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alfs_cli.console import Console
from alfs_cli.data import DataSpec, Given, here, load, trusted_of
from alfs_cli.data.prior import with_prior
from alfs_cli.errors import UsageError
from alfs_cli.estimating.estimated import Estimated
from alfs_cli.estimating.from_features import (
    estimate_features,
    folder_of,
    is_large,
    may_be_streamed,
)
from alfs_cli.estimating.from_probabilities import estimate_probabilities
from alfs_cli.estimating.in_memory import estimate_dataset
from alfs_cli.estimating.in_passes import estimate_in_passes, is_counted, is_read_in_passes
from alfs_cli.estimating.options import EstimateOptions
from alfs_cli.estimators.fitting import check_options
from alfs_cli.storage.memory import threads
from alfs_cli.storage.targets import refuse_listed
from alfs_cli.storage.workers import Threads, Workers

if TYPE_CHECKING:
    from alfs_cli.storage.targets import Target


def estimate_data(
    spec: DataSpec,
    options: EstimateOptions,
    console: Console,
    *,
    targets: "Sequence[Target]" = (),
    started: float | None = None,
    given: Given | None = None,
    trusted: Any = None,
    workers: Workers | None = None,
) -> Estimated:
    """Read DATA and estimate its noise, in passes where it is a large file of probabilities.

    Args:
        spec: how DATA is read.
        options: how its noise is estimated.
        console: who hears notes, warnings and progress.
        targets: files that will be written; DATA must not list any of them.
        started: the `time.perf_counter()` from which seconds are counted, by default now.
        given: arrays of DATA that a Python caller passed.
        trusted: true labels that a Python caller passed, in a form that `trusted_of` reads.
        workers: where pictures and texts are encoded, and the files of a folder of features are
            worked on where they do not fit in memory; by default this process.

    Raises:
        AlfsError: DATA cannot be read or judged, or lists a file of `targets`.
    """
    begun = time.perf_counter() if started is None else started
    check_options(method=options.method, confidence=options.confidence, resamples=options.resamples)
    spec = here(spec)
    is_in_files = given is None and trusted is None and not options.is_fitted
    features = folder_of(spec)
    if workers is not None and features is not None and is_large(features):
        _refuse_whole(options)
    folder = features if is_in_files and may_be_streamed(options) else None
    if folder is not None and (options.max_bad or is_large(folder)):
        hired = Threads(threads()) if workers is None else workers
        return estimate_features(spec, folder, options, hired, console, started=begun)
    if is_in_files and is_read_in_passes(spec, options.method):
        if not is_counted(spec, options.method):
            return estimate_probabilities(spec, options, console, started=begun)
        console.note("note: read in passes and counted; --max-examples N fits a sample instead")
        return estimate_in_passes(spec, options, console, started=begun)
    dataset = load(spec, categories=True, given=given)
    refuse_listed(targets, dataset.paths or ())
    if options.prior_probs is not None:
        dataset = with_prior(
            dataset,
            options.prior_probs,
            columns_as_given=options.columns_as_given,
            rows_as_given=options.rows_as_given,
        )
    console.detail(f"read {len(dataset):,} examples in {time.perf_counter() - begun:.1f} s")
    index = None if given is None else given.index()
    known = None if trusted is None else trusted_of(trusted, dataset, index)
    return estimate_dataset(
        dataset, options, console, trusted=known, started=begun, workers=workers
    )


def _refuse_whole(options: EstimateOptions) -> None:
    """Raise UsageError where options ask for all of what only workers elsewhere can hold."""
    if options.is_fitted or not may_be_streamed(options):
        raise UsageError(
            "an option needs all examples in memory, and --executor ray never holds them",
            help="leave out --local, --trusted, --prior-probs, --all-scores, --max-examples, "
            "--evidence, or --executor",
        )


__all__ = ["EstimateOptions", "Estimated", "estimate_data", "estimate_dataset"]
