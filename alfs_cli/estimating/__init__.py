"""From DATA to an estimate, in memory or in passes over data too large for memory."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alfs_cli.console import Console
from alfs_cli.data import DataSpec, Given, load, trusted_of
from alfs_cli.estimating.estimated import Estimated
from alfs_cli.estimating.in_memory import estimate_dataset
from alfs_cli.estimating.in_passes import estimate_in_passes, is_read_in_passes
from alfs_cli.estimating.options import EstimateOptions
from alfs_cli.estimators.fitting import check_options
from alfs_cli.storage.targets import refuse_listed

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

    Raises:
        AlfsError: DATA cannot be read or judged, or lists a file of `targets`.
    """
    begun = time.perf_counter() if started is None else started
    check_options(method=options.method, confidence=options.confidence, resamples=options.resamples)
    is_in_files = given is None and trusted is None
    if is_in_files and not options.is_fitted and is_read_in_passes(spec, options.method):
        console.note("note: read in passes and counted; --max-examples N fits a sample instead")
        return estimate_in_passes(spec, options, console, started=begun)
    dataset = load(spec, categories=True, given=given)
    refuse_listed(targets, dataset.paths or ())
    console.detail(f"read {len(dataset):,} examples in {time.perf_counter() - begun:.1f} s")
    index = None if given is None else given.index()
    known = None if trusted is None else trusted_of(trusted, dataset, index)
    return estimate_dataset(dataset, options, console, trusted=known, started=begun)


__all__ = ["EstimateOptions", "Estimated", "estimate_data", "estimate_dataset"]
