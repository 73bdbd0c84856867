"""From a data set as it was named to a saved estimate: what `check`, `demo` share."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli.data import (
    DataSpec,
    LabelledDataset,
    Problem,
    in_words,
    load,
    positions_of,
    read_trusted,
)
from alfs_cli.data.duplicates import (
    Digests,
    canonical_order,
    conflicting_duplicates,
    content_digest,
    contents_of,
    digests_of,
    digests_of_pictures,
    row_keys,
)
from alfs_cli.data.matching import confusion_of, refuse_permuted
from alfs_cli.data.reading import MAX_BAD
from alfs_cli.errors import InputError
from alfs_cli.estimators import check_classes, check_needs, check_options, estimate_noise
from alfs_cli.estimators.joint.posterior import true_class_probs
from alfs_cli.evidence.alike import said_of_copies
from alfs_cli.evidence.gathering import Evidence, gather
from alfs_cli.evidence.representations import EncoderChoice
from alfs_cli.findings.integrity import (
    duplicate_findings,
    example_finding,
    fingerprint,
    problem_finding,
)
from alfs_cli.formats.blocks import Finding, Picture
from alfs_cli.noise import write_transition
from alfs_cli.options.shared import Invocation
from alfs_cli.results.estimate import IssuesFile, NoiseEstimate
from alfs_cli.storage.targets import refuse_listed
from alfs_cli.suspects.scores import (
    LabelScores,
    issues_table,
    label_scores,
    listing,
    suspects,
    write_issues,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

PICTURE_SIZE = 96
SUSPECT, BORDERLINE = 0.5, 0.05  # scores


@dataclass(frozen=True, eq=False)
class Audit:
    """An estimate, the data and evidence it came from, and which labels look wrong.

    `listed` are the places in `dataset` of the labels to write down, worst first; `digests` are of
    each example's content, in its order, None where there are probabilities alone: rows of those
    may be the same for different examples.
    """

    dataset: LabelledDataset
    evidence: Evidence
    estimate: NoiseEstimate
    scores: LabelScores
    listed: "NDArray[np.int64]"
    findings: tuple[Finding, ...]
    digests: Digests | None

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
        for place in suspects(self.scores, dataset.labels, SUSPECT):
            suggested = names[self.scores.suggested[place]]
            score = float(self.scores.score[place])
            text = f"looks like '{suggested}' ({score:.2f})"
            example = example_finding(dataset, int(place), "ALFS101", text, self._digest(place))
            found.append(replace(example, suggested=suggested, score=score))
        return tuple(found)

    def borderline(self) -> tuple[str, ...]:
        """Return the fingerprints of labels that are no suspects but might easily be."""
        dataset = self.dataset
        near = self.scores.score >= BORDERLINE
        near[suspects(self.scores, dataset.labels, SUSPECT)] = False
        found = [
            fingerprint(self._digest(int(place)), dataset.class_names[dataset.labels[place]])
            for place in np.flatnonzero(near)
        ]
        return tuple(key for key in found if key is not None)

    def ambiguous_findings(self) -> tuple[Finding, ...]:
        """Return each example for which no class has a probability of one half, least sure first.

        The score of a finding is the probability of the likeliest class.
        """
        dataset, names = self.dataset, self.dataset.class_names
        q = true_class_probs(self.evidence.probs, np.array(self.estimate.transition))
        likeliest = q.max(axis=1)
        found = []
        for place in np.argsort(likeliest, kind="stable")[: (likeliest < 0.5).sum()]:
            name, score = names[q[place].argmax()], float(likeliest[place])
            text = f"no class is likely (at most '{name}', {score:.2f})"
            example = example_finding(dataset, int(place), "ALFS102", text, self._digest(place))
            found.append(replace(example, suggested=name, score=score))
        return tuple(found)

    def _digest(self, place: int) -> bytes | None:
        return self.digests[place] if self.digests else content_digest(self.dataset, place)

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
    encoder: str | None = None,
    download: bool = False,
    trusted: Path | None = None,
    with_local: bool = False,
    columns_as_given: bool = False,
    started: float | None = None,
) -> Audit:
    """Read DATA, gather evidence, estimate, and score every label."""
    check_options(method=method, confidence=confidence, resamples=resamples)
    begun = time.perf_counter() if started is None else started
    read = load(spec)
    refuse_listed(invocation.targets, read.paths or ())
    invocation.detail(f"read {len(read):,} examples in {time.perf_counter() - begun:.1f} s")
    check_classes(read.num_classes)
    read, digests = in_canonical_order(read)
    known = None if trusted is None else read_trusted(trusted, read)
    check_needs(method, read, known)
    for text in (*read.notes, *(known.notes if known is not None else ())):
        invocation.note(f"note: {text}")
    if max_examples is not None and max_examples < len(read):
        places = sampled(read, max_examples, invocation.seed)
        if known is not None:
            places = np.union1d(places, known.places)
            known = known.among(places, len(read))
        invocation.note(f"note: {len(places):,} of {len(read):,} examples judged, drawn by label")
        read = read.subset(places)
        digests = None if digests is None else [digests[place] for place in places]
    gathering = time.perf_counter()
    with invocation.progress() as progress:
        seen = gather(
            read,
            kind=evidence,
            folds=folds,
            seed=invocation.seed,
            encoder=EncoderChoice(encoder, download, invocation.device),
            cache=invocation.out / "cache" if use_cache else None,
            progress=progress,
        )
    invocation.detail(
        f"evidence {seen.name}: agreement {100 * seen.agreement:.1f} %, "
        f"{time.perf_counter() - gathering:.1f} s"
    )
    looked_at = read.images is not None and seen.kind in ("encoder", "pixels", "network")
    of_pictures = read.images.notes if looked_at and read.images is not None else ()
    for text in (*of_pictures, *seen.notes, *said_of_copies(seen.alike, spec.group_column)):
        invocation.note(f"note: {text}")
    if seen.kind == "pred-probs" and not columns_as_given:
        confusion = confusion_of(seen.probs, read.labels)
        if (doubt := refuse_permuted(confusion, read.class_names)) is not None:
            invocation.warn(doubt)
    alike = _alike(read, seen, digests)
    problems = (*read.problems, *_unreadable(read, seen))
    for text in in_words(problems):
        invocation.note(f"note: {text}")
    findings = (
        *(problem_finding(problem, read) for problem in problems),
        *(duplicate_findings(read, digests, alike) if digests and alike else ()),
    )
    if len(seen.kept) < len(read):
        known = None if known is None else known.among(seen.kept, len(read))
        read = read.subset(seen.kept)
        digests = None if digests is None else [digests[place] for place in seen.kept]
        alike = None if alike is None else [alike[place] for place in seen.kept]
    identical = () if alike is None else conflicting_duplicates(read.labels, alike)
    estimating = time.perf_counter()
    with invocation.working("fitting T"):
        estimate = estimate_noise(
            read,
            seen,
            method=method,
            confidence=confidence,
            resamples=resamples,
            seed=invocation.seed,
            in_sample_ok=in_sample_ok,
            trusted=known,
            with_local=with_local,
        )
    invocation.detail(
        f"{estimate.method}: r at least {estimate.clean_level.low:.3g}, "
        f"{time.perf_counter() - estimating:.1f} s"
    )
    T = np.array(estimate.transition)
    with invocation.working("scoring labels"):
        scores = label_scores(
            seen.probs, read.labels, T, estimate.noise_rate.value, identical=identical
        )
    if known is not None:
        scores = scores.settled(known.places, known.true, read.labels)
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
    return Audit(read, seen, estimate, scores, listed, findings, digests)


MOST_REORDERED = 5 * 10**7  # given probabilities beyond which a copy in another order costs much


def in_canonical_order(dataset: LabelledDataset) -> tuple[LabelledDataset, Digests | None]:
    """Return a data set in an order of its contents, and their digests in that order.

    Whatever is drawn or dealt by place does then not depend on how rows were shuffled. Given
    probabilities alone have no contents.
    """
    if dataset.images is None and dataset.features is None:
        probs = dataset.pred_probs
        if probs is None or probs.size > MOST_REORDERED:
            return dataset, None
        return dataset.subset(np.lexsort([dataset.labels, row_keys(probs)])), None
    digests = digests_of(dataset)
    order = canonical_order(digests, dataset.labels)
    moved = [digests[place] for place in order]
    return replace(dataset.subset(order), contents=contents_of(moved)), moved


def _alike(dataset: LabelledDataset, seen: Evidence, digests: Digests | None) -> Digests | None:
    """Return the digests, the same for files that show the same pixels under different labels."""
    if digests is None or dataset.images is None or dataset.paths is None or seen.features is None:
        return digests
    return digests_of_pictures(dataset.images, dataset.labels, digests, seen.features, seen.kept)


def sampled(dataset: LabelledDataset, count: int, seed: int) -> "NDArray[np.int64]":
    """Return the places, in order, of `count` examples: the same share of each label.

    Two of a label at least, if that makes more of them.
    """
    generator = np.random.default_rng([seed, 5])
    exact = dataset.given_counts * (count / len(dataset))
    sizes = np.floor(exact).astype(np.int64)
    largest = np.argsort(sizes - exact, kind="stable")[: count - int(sizes.sum())]
    sizes[largest] += 1
    chosen = []
    for cls, size in enumerate(sizes):
        members = np.flatnonzero(dataset.labels == cls)
        chosen.append(generator.permutation(members)[: max(2, size)])
    return np.sort(np.concatenate(chosen)).astype(np.int64)


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


def _place(dataset: LabelledDataset, place: int) -> str:
    return dataset.paths[place] if dataset.paths else f"row {positions_of(dataset)[place]}"


def _unreadable(dataset: LabelledDataset, evidence: Evidence) -> tuple[Problem, ...]:
    """Return why each picture could not be read, and refuse where many cannot."""
    left_out = np.setdiff1d(np.arange(len(dataset)), evidence.kept)
    left_out = left_out[np.argsort(positions_of(dataset)[left_out])]
    problems = [
        replace(
            problem,
            line=int(dataset.lines[place]) if dataset.lines is not None else None,
            given=dataset.class_names[dataset.labels[place]],
            row=int(positions_of(dataset)[place]),
        )
        for place in left_out
        if dataset.images is not None
        and (problem := dataset.images.problem(int(place))) is not None
    ]
    if len(left_out) > MAX_BAD * len(dataset) and not dataset.spec.lenient:
        first = ", ".join(f"'{problem.path}'" for problem in problems[:5])
        raise InputError(
            f"{len(left_out):,} of {len(dataset):,} images cannot be read, over "
            f"{100 * MAX_BAD:g} %: {first}",
            help="mend or remove them",
        )
    return tuple(problems)
