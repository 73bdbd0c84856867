"""Findings in the files themselves, which are certain and need no estimate.

The readers note files that cannot be read, classes without examples, and labels that are missing or
no class. Identical examples are found here, by the digests of their content.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

from alfs_cli.data import LabelledDataset, Problem, load, positions_of, splits_of
from alfs_cli.data.duplicates import Digests, conflicting_duplicates, digests_of
from alfs_cli.data.images.kinds import digest_of_file
from alfs_cli.data.reading import without_files
from alfs_cli.errors import InputError
from alfs_cli.findings.finding import Finding
from alfs_cli.findings.rules import RULES
from alfs_cli.storage.remote import kept_at
from alfs_cli.text.addresses import shown

HEX_DIGITS = 16  # of a digest, in a fingerprint
LISTED = 5  # examples named in a message


def fingerprint(digest: bytes | None, given: str) -> str | None:
    """Return the fingerprint of a content with a label: 16 hexadecimal digits, a colon, the label.

    None without a digest.

    >>> fingerprint(bytes(32), "cat")
    '0000000000000000:cat'
    """
    return None if digest is None else f"{digest.hex()[:HEX_DIGITS]}:{given}"


def fingerprints_of(dataset: LabelledDataset, digests: Digests) -> frozenset[str]:
    """Return the fingerprints of all examples that have a digest; `digests` are N."""
    names = [dataset.class_names[label] for label in dataset.labels]
    pairs = zip(digests, names, strict=True)
    return frozenset(found for pair in pairs if (found := fingerprint(*pair)) is not None)


def example_finding(
    dataset: LabelledDataset, place: int, rule: str, text: str, digest: bytes | None
) -> Finding:
    """Return a finding about the example at index `place`, with its label and fingerprint.

    `rule` is the id of the rule that was broken, `text` what was found.
    """
    given = dataset.class_names[dataset.labels[place]]
    row = int(positions_of(dataset)[place])
    where = f"row {row}: " if dataset.paths is None and dataset.lines is None else ""
    return Finding(
        rule,
        RULES[rule].level,
        f"{where}given '{given}', {text}",
        dataset.paths[place] if dataset.paths else _container(dataset),
        int(dataset.lines[place]) if dataset.lines is not None else None,
        given,
        manifest=_manifest(dataset),
        row=row,
        fingerprint=fingerprint(digest, given),
    )


def _manifest(dataset: LabelledDataset) -> str | None:
    return None if dataset.manifest is None else shown(dataset.manifest)


def _container(dataset: LabelledDataset) -> str | None:
    """Return the file whose rows are the examples, None where they are files or built in."""
    is_file = dataset.manifest is not None or dataset.kind in ("npz", "probabilities")
    return dataset.name if is_file else None


def problem_finding(problem: Problem, dataset: LabelledDataset) -> Finding:
    """Return a problem that a reader noted as a finding."""
    digest = None
    if problem.path is not None and problem.path != _container(dataset):
        digest = digest_of_file(kept_at(problem.path))
    return Finding(
        problem.rule,
        RULES[problem.rule].level,
        problem.message,
        problem.path if problem.path is not None or problem.row is None else _container(dataset),
        problem.line,
        problem.given,
        manifest=_manifest(dataset),
        row=problem.row,
        fingerprint=fingerprint(digest, problem.given or "") or _of_class(problem),
    )


def _of_class(problem: Problem) -> str | None:
    """Return the fingerprint of a problem of a whole class, None for any other problem."""
    whole = problem.path is None and problem.row is None and problem.given is not None
    return f"class:{problem.given}" if whole else None


def duplicate_findings(
    dataset: LabelledDataset, digests: Digests, alike: Digests
) -> tuple[Finding, ...]:
    """Return a finding for each group of identical examples with different labels (ALFS103).

    `digests` are those of the files, `alike` those that pictures of equal pixels share, N of each.
    A finding is placed at the first example of its group. Its fingerprint contains all labels.
    """
    found = []
    positions = positions_of(dataset)
    groups = [
        sorted(places, key=lambda place: int(positions[place]))
        for places in conflicting_duplicates(dataset.labels, alike)
    ]
    for places in sorted(groups, key=lambda places: int(positions[places[0]])):
        labels = sorted({dataset.class_names[dataset.labels[i]] for i in places})
        named = ", ".join(_given(dataset, place) for place in places[:LISTED])
        more = f" and {len(places) - LISTED} more" if len(places) > LISTED else ""
        is_same = len({digests[place] for place in places}) == 1
        what = "identical examples" if is_same else "identical pictures in files that differ"
        first = example_finding(dataset, places[0], "ALFS103", "", None)
        found.append(
            replace(
                first,
                message=f"{what}: {named}{more}",
                fingerprint=fingerprint(alike[places[0]], "|".join(labels)),
            )
        )
    return tuple(found)


def other_splits(dataset: LabelledDataset) -> tuple[str, ...]:
    """Return the splits of DATA other than the data set's own, () where it is all of DATA."""
    if dataset.split is None:
        return ()
    return tuple(name for name in splits_of(dataset.spec) if name != dataset.split)


def other_split(
    dataset: LabelledDataset, split: str, note: Callable[[str], None]
) -> LabelledDataset | None:
    """Return another split of the same DATA; if it cannot be read, note why and return None.

    That is no error of the data set that is judged, since the other split may have no labels.
    """
    try:
        return load(
            without_files(dataset.spec, split=split),
            class_names=dataset.class_names,
            columns=None if dataset.columns is None else dataset.columns.features,
        )
    except InputError as error:
        note(f"split '{split}' is not compared with the one that is judged: {error}")
        return None


def leakage_findings(
    dataset: LabelledDataset, digests: Digests, others: Mapping[str, LabelledDataset]
) -> tuple[Finding, ...]:
    """Return a finding for each example whose content is in another split too (ALFS404).

    `others` are the other splits by name.
    """
    elsewhere: dict[bytes, list[str]] = defaultdict(list)
    for split, other in others.items():
        for place, digest in enumerate(digests_of(other)):
            if digest is not None:
                elsewhere[digest].append(f"{_given(other, place)} in split '{split}'")
    found = []
    for place, digest in enumerate(digests):
        twins = elsewhere.get(digest) if digest is not None else None
        if twins:
            more = f" and {len(twins) - LISTED} more" if len(twins) > LISTED else ""
            text = f"identical to {', '.join(twins[:LISTED])}{more}"
            found.append(example_finding(dataset, place, "ALFS404", text, digest))
    return tuple(found)


def _given(dataset: LabelledDataset, place: int) -> str:
    where = dataset.paths[place] if dataset.paths else f"row {positions_of(dataset)[place]}"
    return f"{where} given '{dataset.class_names[dataset.labels[place]]}'"
