"""What is asked for when evidence is gathered, and the features made for it on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli.arrays import IntArray
from alfs_cli.data.folds import num_groups, stratified_folds
from alfs_cli.data.rare import rare_classes
from alfs_cli.errors import InputError
from alfs_cli.evidence.alike import Alike
from alfs_cli.evidence.out_of_fold import Progress
from alfs_cli.evidence.representations import (
    OFFLINE,
    EncoderChoice,
    Represented,
    joined_names,
    representation,
)
from alfs_cli.storage.workers import Workers

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset
    from alfs_cli.evidence.encoders.interface import Encoder


@dataclass(frozen=True, eq=False)
class Request:
    """A request for evidence of a data set; `notes` collects what to tell the user.

    `made` are the features of the whole data set that were made so far; `workers` encode elsewhere.
    """

    dataset: "LabelledDataset"
    folds: int = 5
    seed: int = 0
    encoder: EncoderChoice = OFFLINE
    cache: Path | None = None
    progress: Progress | None = None
    workers: Workers | None = None
    notes: list[str] = field(default_factory=list)
    made: dict[str, Represented] = field(default_factory=dict)

    @cached_property
    def encoders(self) -> "tuple[Encoder, ...]":
        """The encoders asked for, the default one for none."""
        return self.encoder.found()

    def features(
        self,
        kind: str,
        encoders: "Sequence[Encoder]" = (),
        *,
        sample: "LabelledDataset | None" = None,
    ) -> Represented:
        """Return features of the data set or of a sample of it, and the indices of their rows.

        Those of the whole data set are made once.
        """
        name = f"{kind} {joined_names(encoders)}"
        if sample is None and name in self.made:
            return self.made[name]
        found = representation(
            self.dataset if sample is None else sample,
            kind,
            encoders,
            device=self.encoder.device,
            cache=self.cache if sample is None else None,
            progress=self.progress,
            workers=self.workers,
        )
        if sample is None:
            self.made[name] = found
        return found

    def folds_of(self, labels: IntArray, same: Alike | None) -> IntArray:
        """Return the fold (N,) of each example; fewer folds where a class has fewer examples."""
        groups = None if same is None else same.groups
        names = self.dataset.class_names
        counts = num_groups(labels, groups, len(names))
        folds = _feasible_folds(counts, names, self.folds, self.notes)
        generator = np.random.default_rng([self.seed, 1])
        return stratified_folds(labels, folds, generator, groups=groups)


def _feasible_folds(
    counts: IntArray, class_names: tuple[str, ...], folds: int, notes: list[str]
) -> int:
    """Return the number of folds, at most that of the different examples of a class (K,)."""
    present = np.flatnonzero(counts > 0)
    if len(present) < 2:
        name = class_names[int(present[0])] if len(present) else ""
        raise InputError(
            f"only one class ('{name}') among the given labels: label noise needs two or more",
            help="pass the folder above, or a file with more classes",
        )
    several = counts[(counts > 1) & ~rare_classes(counts)]
    smallest = int(several.min()) if len(several) else 1
    if smallest < 2:
        raise InputError(
            "every class has a single example: nothing can be held out",
            help="two examples a class or more are needed",
        )
    if smallest < folds:
        name = class_names[int(np.flatnonzero(counts == smallest)[0])]
        notes.append(
            f"class '{name}' has {smallest} examples, fewer than {folds} folds: "
            f"using {smallest} folds"
        )
        return smallest
    return folds
