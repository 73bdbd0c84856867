"""`alfs.passes`: an estimate in two passes over the files of a folder, by any scheduler."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from alfs_cli.data import DataSpec
from alfs_cli.data.readers.features import open_features
from alfs_cli.estimating.from_features import FirstPass, SecondPass
from alfs_cli.estimating.from_features import Merged as MergedPasses
from alfs_cli.estimating.from_features import Passes as BegunPasses
from alfs_cli.estimating.options import EstimateOptions
from alfs_cli.evidence.moments import Moments
from alfs_cli.python.asked import FileName
from alfs_cli.python.estimates import Estimate
from alfs_cli.python.wording import Listener, told_to_programs
from alfs_cli.suspects.streamed import Tally


@dataclass(frozen=True, eq=False)
class Merged:
    """What pass one came to: heads that score each example out of fold, and T from a sample."""

    made: MergedPasses
    listener: Listener
    started: float

    @property
    def second_pass(self) -> SecondPass:
        """The work of pass two: a function of a file's number, which can be pickled."""
        return self.made.second_pass

    def finish(self, tallies: Iterable[Tally]) -> Estimate:
        """Return the estimate from the tallies of all files, in any order."""
        with told_to_programs():
            found = self.made.finished(tallies, self.listener, started=self.started)
        options = self.made.passes.options
        return Estimate(
            found.estimate, tuple(self.listener.notes), found, threshold=options.issue_threshold
        )


@dataclass(frozen=True, eq=False)
class Passes:
    """An estimate in two passes over `files`, the numbers of the files of a folder."""

    made: BegunPasses
    listener: Listener
    started: float

    @property
    def files(self) -> tuple[int, ...]:
        """The numbers of the files; the work of both passes is on one of them, or on several."""
        return self.made.stream.numbers

    @property
    def first_pass(self) -> FirstPass:
        """The work of pass one: a function of a file's number, which can be pickled."""
        return self.made.first_pass

    def merge(self, moments: Iterable[Moments]) -> Merged:
        """Return what the moments of all files come to.

        In whatever order they come the result is the same to about ten digits; in one order, to the
        bit.
        """
        with told_to_programs():
            merged = self.made.merged(moments, self.listener)
        return Merged(merged, self.listener, self.started)


def passes(folder: FileName, *, folds: int = 5, seed: int = 0) -> Passes:
    """Begin an estimate of a folder that `alfs features` wrote, for a scheduler of your own.

    A sample of the folder is read. Then `first_pass` is to be called with every file's number,
    `merge` with all that it returned, `second_pass` with every number, and `finish` with all that
    this returned.

    Raises:
        AlfsError: the folder lacks files, or cannot be judged.
    """
    started, place = time.perf_counter(), Path(folder).absolute()
    listener = Listener()
    with told_to_programs():
        spec, options = DataSpec(str(folder)), EstimateOptions(folds=folds, seed=seed)
        begun = BegunPasses.begun(open_features(place), spec, options)
    return Passes(begun, listener, started)
