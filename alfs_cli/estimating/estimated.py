"""A finished estimate, its table of suspects, and the scores of single labels."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alfs_cli.data import LabelledDataset, positions_of
from alfs_cli.data.duplicates import Digests, content_digest
from alfs_cli.data.texts import excerpt
from alfs_cli.estimating.consensus import write_consensus
from alfs_cli.estimating.tuning import TUNING
from alfs_cli.estimators.joint.posterior import true_class_probs
from alfs_cli.evidence.interface import Evidence
from alfs_cli.findings.finding import Finding
from alfs_cli.formats.blocks import Picture
from alfs_cli.inspecting.examples import example_finding, fingerprint
from alfs_cli.noise import write_transition
from alfs_cli.results.estimate import NoiseEstimate
from alfs_cli.suspects.scores import LabelScores, Listing, suspects, write_issues

if TYPE_CHECKING:
    import pandas as pd

PICTURE_SIZE = 96  # pixels of a thumbnail
MESSAGE_TEXT = 80  # characters of a text in a message
SUSPECT = 0.5  # score of rule ALFS101: the label is more likely wrong than right


@dataclass(frozen=True, eq=False)
class Estimated:
    """An estimate and the table of suspect labels, worst first.

    `judged` holds the examples and their scores where all of them were in memory, `consensus` the
    rows of consensus.csv where there are several labels of each example.
    """

    estimate: NoiseEstimate
    table: "pd.DataFrame"
    judged: "Judged | None" = None
    consensus: "pd.DataFrame | None" = None

    @property
    def examples(self) -> "Judged":
        """The judged examples; raises ValueError where they were only counted, in passes."""
        if self.judged is None:
            raise ValueError("the examples were read in passes: nothing of each is kept")
        return self.judged

    def save(self, out: Path) -> None:
        """Write estimate.json, transition.csv, issues.csv, issues.parquet, and consensus.csv."""
        write_issues(out, self.table)
        classes = self.estimate.data.classes
        write_transition(out / "transition.csv", self.estimate.transition, classes)
        if self.consensus is not None:
            write_consensus(out, self.consensus)
        self.estimate.save(out / "estimate.json")


@dataclass(frozen=True, eq=False)
class Judged:
    """The judged examples with their evidence and scores, in one order.

    `listed` holds the indices into `dataset` of the labels in issues.csv, and their kinds.
    `digests` are hashes of each example's content, None where only probabilities are given: their
    rows may be equal for different examples. `T` is (K, K).
    """

    dataset: LabelledDataset
    evidence: Evidence
    T: NDArray[np.float64]
    scores: LabelScores
    listed: Listing
    findings: tuple[Finding, ...]
    digests: Digests | None

    def suspect_findings(self) -> tuple[Finding, ...]:
        """Return each suspect label as a finding, worst first."""
        names, dataset = self.dataset.class_names, self.dataset
        found = []
        for place in suspects(self.scores, dataset.labels, SUSPECT):
            suggested = names[self.scores.suggested[place]]
            score = float(self.scores.score[place])
            text = f"looks like '{suggested}' ({score:.2f}){self._said(int(place))}"
            example = example_finding(dataset, int(place), "ALFS101", text, self._digest(place))
            found.append(replace(example, suggested=suggested, score=score))
        return tuple(found)

    def borderline(self) -> tuple[str, ...]:
        """Return the fingerprints of labels with scores just below that of a suspect."""
        dataset = self.dataset
        near = self.scores.score >= TUNING.borderline_score
        near[suspects(self.scores, dataset.labels, SUSPECT)] = False
        found = [
            fingerprint(self._digest(int(place)), dataset.class_names[dataset.labels[place]])
            for place in np.flatnonzero(near)
        ]
        return tuple(key for key in found if key is not None)

    def ambiguous_findings(self) -> tuple[Finding, ...]:
        """Return each example whose classes all have probability below 1/2, least sure first.

        The score of a finding is the highest of these probabilities.
        """
        dataset, names = self.dataset, self.dataset.class_names
        q = true_class_probs(self.evidence.probs, self.T)
        likeliest = q.max(axis=1)
        found = []
        for place in np.argsort(likeliest, kind="stable")[: (likeliest < 0.5).sum()]:
            name, score = names[q[place].argmax()], float(likeliest[place])
            text = f"no class is likely (at most '{name}', {score:.2f}){self._said(int(place))}"
            example = example_finding(dataset, int(place), "ALFS102", text, self._digest(place))
            found.append(replace(example, suggested=name, score=score))
        return tuple(found)

    def _said(self, place: int) -> str:
        """Return the beginning of an example's text, for the end of a message; empty without."""
        texts = self.dataset.texts
        return "" if texts is None else f": {excerpt(texts[place], MESSAGE_TEXT)!r}"

    def _digest(self, place: int) -> bytes | None:
        return self.digests[place] if self.digests else content_digest(self.dataset, place)

    def pictures(self, count: int) -> tuple[Picture, ...]:
        """Return pictures of the worst suspects, captioned by given and suggested class."""
        if self.dataset.images is None:
            return ()
        found = []
        names = self.dataset.class_names
        for place in self.listed.places[:count]:
            png = self.dataset.images.png(int(place), PICTURE_SIZE)
            if png is None:
                continue
            path = self._place(int(place))
            caption = (
                f"given {names[self.dataset.labels[place]]}, looks like "
                f"{names[self.scores.suggested[place]]} ({self.scores.score[place]:.2f}) {path}"
            )
            if self.dataset.true_labels is not None:
                caption += f" - truly {names[self.dataset.true_labels[place]]}"
            found.append(Picture(png, caption))
        return tuple(found)

    def _place(self, place: int) -> str:
        dataset = self.dataset
        return dataset.paths[place] if dataset.paths else f"row {positions_of(dataset)[place]}"
