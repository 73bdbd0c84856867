"""From a data set as it was named to a saved estimate: what `check`, `demo` share."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from alfs_cli.data import DataSpec, LabelledDataset, Problem, load, positions_of
from alfs_cli.data.duplicates import conflicting_duplicates
from alfs_cli.data.reading import MAX_BAD
from alfs_cli.errors import InputError
from alfs_cli.estimate import IssuesFile, NoiseEstimate
from alfs_cli.estimators import check_options, estimate_noise
from alfs_cli.evidence import Evidence, gather
from alfs_cli.invocation import Invocation
from alfs_cli.issues import LabelScores, issues_table, label_scores, listing, suspects, write_issues
from alfs_cli.noise import write_transition
from alfs_cli.report import Finding, Picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

PICTURE_SIZE = 96


@dataclass(frozen=True, eq=False)
class Audit:
    """An estimate, the data and evidence it came from, and which labels look wrong.

    `listed` are the places in `dataset` of the labels to write down, worst first.
    """

    dataset: LabelledDataset
    evidence: Evidence
    estimate: NoiseEstimate
    scores: LabelScores
    listed: "NDArray[np.int64]"
    findings: tuple[Finding, ...]

    def save(self, out: Path) -> None:
        """Write estimate.json, transition.csv, issues.csv and issues.parquet."""
        write_issues(out, issues_table(self.dataset, self.scores, self.listed))
        classes = self.estimate.data.classes
        write_transition(out / "transition.csv", self.estimate.transition, classes)
        self.estimate.save(out / "estimate.json")

    def suspect_findings(self) -> tuple[Finding, ...]:
        """Return each suspect label as a finding, worst first."""
        names, dataset = self.dataset.class_names, self.dataset
        found = []
        for place in suspects(self.scores, dataset.labels, 0.5):
            given, suggested = names[dataset.labels[place]], names[self.scores.suggested[place]]
            score = float(self.scores.score[place])
            path = dataset.paths[place] if dataset.paths else None
            where = "" if path else f"row {positions_of(dataset)[place]}: "
            found.append(
                Finding(
                    "ALFS101",
                    "warning",
                    f"{where}given '{given}', looks like '{suggested}' ({score:.2f})",
                    path,
                    int(dataset.lines[place]) if dataset.lines is not None else None,
                    given,
                    suggested,
                    score,
                )
            )
        return tuple(found)

    def pictures(self, count: int) -> tuple[Picture, ...]:
        """Return the worst suspects as pictures, with what they are given and look like."""
        if self.dataset.images is None:
            return ()
        found = []
        names = self.dataset.class_names
        for place in self.listed[:count]:
            png = self.dataset.images.png(int(place), PICTURE_SIZE)
            if png is None:
                continue
            path = _place(self.dataset, int(place))
            caption = (
                f"given {names[self.dataset.labels[place]]}, looks like "
                f"{names[self.scores.suggested[place]]} ({self.scores.score[place]:.2f}) {path}"
            )
            if self.dataset.true_labels is not None:
                caption += f" - truly {names[self.dataset.true_labels[place]]}"
            found.append(Picture(png, caption))
        return tuple(found)


def audit(
    invocation: Invocation,
    spec: DataSpec,
    *,
    evidence: str = "auto",
    method: str = "auto",
    folds: int = 5,
    confidence: float = 0.95,
    resamples: int = 1000,
    issue_threshold: float = 0.5,
    all_scores: bool = False,
    in_sample_ok: bool = False,
    max_examples: int | None = None,
    use_cache: bool = True,
    started: float | None = None,
) -> Audit:
    """Read DATA, gather evidence, estimate, and score every label."""
    check_options(method=method, confidence=confidence, resamples=resamples)
    begun = time.perf_counter() if started is None else started
    read = load(spec)
    invocation.detail(f"read {len(read):,} examples in {time.perf_counter() - begun:.1f} s")
    for text in read.notes:
        invocation.note(f"note: {text}")
    if max_examples is not None and max_examples < len(read):
        whole, read = len(read), sampled(read, max_examples, invocation.seed)
        invocation.note(f"note: {len(read):,} of {whole:,} examples judged, drawn by label")
    gathering = time.perf_counter()
    with invocation.progress() as progress:
        seen = gather(
            read,
            kind=evidence,
            folds=folds,
            seed=invocation.seed,
            cache=invocation.out / "cache" if use_cache else None,
            progress=progress,
        )
    invocation.detail(
        f"evidence {seen.name}: agreement {100 * seen.agreement:.1f} %, "
        f"{time.perf_counter() - gathering:.1f} s"
    )
    for text in seen.notes:
        invocation.note(f"note: {text}")
    findings = (*_findings(read), *_unreadable(read, seen))
    read = read if len(seen.kept) == len(read) else read.subset(seen.kept)
    identical = conflicting_duplicates(read)
    findings = (*findings, *_duplicates(read, identical))
    estimating = time.perf_counter()
    estimate = estimate_noise(
        read,
        seen,
        method=method,
        confidence=confidence,
        resamples=resamples,
        seed=invocation.seed,
        in_sample_ok=in_sample_ok,
    )
    invocation.detail(
        f"{estimate.method}: r at least {estimate.clean_level.low:.3g}, "
        f"{time.perf_counter() - estimating:.1f} s"
    )
    T = np.array(estimate.transition)
    scores = label_scores(
        seen.probs, read.labels, T, estimate.noise_rate.value, identical=identical
    )
    found = listing(scores, read.labels, issue_threshold)
    listed = listing(scores, read.labels, issue_threshold, is_whole=True) if all_scores else found
    estimate = replace(
        estimate,
        issues=_issues_file(read, scores, found),
        seconds=time.perf_counter() - begun,
    )
    if seen.in_sample and not in_sample_ok:
        invocation.warn(
            "the probabilities look in-sample; noise will be underestimated "
            "(--in-sample-ok if they are not)"
        )
    return Audit(read, seen, estimate, scores, listed, findings)


def sampled(dataset: LabelledDataset, count: int, seed: int) -> LabelledDataset:
    """Return about `count` examples in DATA order: the same share of each label, two at least."""
    generator = np.random.default_rng([seed, 5])
    share = count / len(dataset)
    chosen = []
    for members in (np.flatnonzero(dataset.labels == cls) for cls in range(dataset.num_classes)):
        size = min(len(members), max(2, round(share * len(members))))
        chosen.append(generator.permutation(members)[:size])
    return dataset.subset(np.sort(np.concatenate(chosen)))


def _findings(dataset: LabelledDataset) -> tuple[Finding, ...]:
    return tuple(_finding(problem) for problem in dataset.problems)


def _finding(problem: Problem) -> Finding:
    is_mild = problem.rule in ("ALFS402", "ALFS407")
    level: Literal["warning", "error"] = "warning" if is_mild else "error"
    return Finding(problem.rule, level, problem.message, problem.path, problem.line)


def _issues_file(
    dataset: LabelledDataset, scores: LabelScores, listed: "NDArray[np.int64]"
) -> IssuesFile:
    """Return how many labels are listed, and what share is wrong: expected, and where known."""
    expected = float(scores.score[listed].mean()) if len(listed) else None
    if dataset.true_labels is None:
        return IssuesFile("issues.csv", len(listed), expected)
    wrong = dataset.labels != dataset.true_labels
    hits = int(wrong[listed].sum())
    return IssuesFile(
        "issues.csv",
        len(listed),
        expected,
        precision=hits / len(listed) if len(listed) else None,
        recall=hits / int(wrong.sum()) if wrong.any() else None,
    )


def _duplicates(
    dataset: LabelledDataset, identical: Sequence[tuple[int, ...]]
) -> tuple[Finding, ...]:
    """Return a finding for each group of identical examples under different labels."""
    found = []
    for places in identical:
        named = ", ".join(
            f"{_place(dataset, i)} given '{dataset.class_names[dataset.labels[i]]}'"
            for i in places[:5]
        )
        path = dataset.paths[places[0]] if dataset.paths else None
        line = int(dataset.lines[places[0]]) if dataset.lines is not None else None
        found.append(Finding("ALFS103", "error", f"identical examples: {named}", path, line))
    return tuple(found)


def _place(dataset: LabelledDataset, place: int) -> str:
    return dataset.paths[place] if dataset.paths else f"row {positions_of(dataset)[place]}"


def _unreadable(dataset: LabelledDataset, evidence: Evidence) -> tuple[Finding, ...]:
    """Return a finding for each picture that could not be read, and refuse where many cannot."""
    left_out = np.setdiff1d(np.arange(len(dataset)), evidence.kept)
    problems = [
        problem
        for place in left_out
        if dataset.images is not None
        and (problem := dataset.images.problem(int(place))) is not None
    ]
    if len(left_out) > MAX_BAD * len(dataset):
        first = ", ".join(f"'{problem.path}'" for problem in problems[:5])
        raise InputError(
            f"{len(left_out):,} of {len(dataset):,} images cannot be read, over "
            f"{100 * MAX_BAD:g} %: {first}",
            help="mend or remove them",
        )
    return tuple(_finding(problem) for problem in problems)
