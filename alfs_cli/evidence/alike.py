"""Copies and groups of examples, which must share a fold: none may be judged by another."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli.arrays import Features, IntArray
from alfs_cli.data.duplicates import are_coincidences, contents_of, digests_of, row_keys
from alfs_cli.data.texts import text_digest
from alfs_cli.evidence.components import components
from alfs_cli.evidence.near_copies import with_near_copies
from alfs_cli.evidence.tuning import COPIES
from alfs_cli.results.estimate import CopiesSummary

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset


@dataclass(frozen=True, eq=False)
class Alike:
    """What examples have in common: four numbers for each, equal where two examples share it.

    Args:
        exact: the exact content (n,).
        contents: the content (n,), the same for exact copies and near-duplicates.
        groups: the group (n,), the same for examples that share a content or the user's group.
        units: what was labelled once (n,): the group where groups have one label each, otherwise
            the content.
    """

    exact: IntArray
    contents: IntArray
    groups: IntArray
    units: IntArray

    @property
    def are_coincidences(self) -> bool:
        """Whether equal rows count as different contents, as those of few values do."""
        n = len(self.exact)
        return len(np.unique(self.contents)) == n > len(np.unique(self.exact))

    def summary(self) -> CopiesSummary:
        """Return the counts of copies and groups that estimate.json keeps."""
        n, contents = len(self.exact), len(np.unique(self.contents))
        exact = n - len(np.unique(np.column_stack([self.exact, self.contents]), axis=0))
        return CopiesSummary(
            contents=contents,
            exact=exact,
            near=n - contents - exact,
            groups=len(np.unique(self.groups)),
        )


def alike(
    dataset: "LabelledDataset", kept: IntArray, X: Features | None, *, is_table: bool
) -> Alike | None:
    """Return which of the examples at the indices `kept` (n,) are copies or belong together.

    X (n, D) are the features in which near-duplicates lie close; None looks for exact copies alone.
    Rows of a table may coincide without being copies; such rows count as different contents.
    Returns None where there is nothing to compare.
    """
    exact = np.arange(len(kept))
    if is_table and X is not None:
        exact = np.unique(row_keys(X), return_inverse=True)[1].reshape(-1)
    elif dataset.texts is not None:
        exact = contents_of([text_digest(dataset.texts[place]) for place in kept])
    elif dataset.images is not None:
        exact = _of_pictures(dataset)[kept]
    elif dataset.groups is None:
        return None
    contents = exact
    labels = dataset.labels[kept]
    if is_table and X is not None and are_coincidences(X, labels, exact):
        contents = np.arange(len(kept))
    elif X is not None:
        contents = with_near_copies(X, exact)
    if dataset.groups is None:
        return Alike(exact, contents, contents, contents)
    groups = joined(contents, dataset.groups[kept])
    return Alike(exact, contents, groups, groups if _have_one_label(groups, labels) else contents)


def said_of_copies(found: Alike | None, group_column: str | None) -> tuple[str, ...]:
    """Return the notes for the user on copies and groups."""
    if found is None:
        return ()
    told = found.summary()
    notes = []
    if told.exact + told.near:
        n = len(found.exact)
        kinds = [f"{told.exact:,} exactly"] if told.exact else []
        kinds += [f"{told.near:,} nearly"] if told.near else []
        notes.append(
            f"{told.exact + told.near:,} of {n:,} examples repeat another's content "
            f"({' and '.join(kinds)}): each content is judged by others and counts once"
        )
    if group_column is not None:
        once = ", and each counts once, having one label" if found.units is found.groups else ""
        notes.append(f"{told.groups:,} groups of '{group_column}' are kept together{once}")
    return tuple(notes)


def _of_pictures(dataset: "LabelledDataset") -> IntArray:
    """Return a number for each picture's file (N,), the same for files of the same bytes."""
    return contents_of(digests_of(dataset)) if dataset.contents is None else dataset.contents


def joined(first: IntArray, second: IntArray) -> IntArray:
    """Return numbers (n,) that are equal where examples share either number, or a chain of them.

    >>> joined(np.array([0, 0, 1, 2]), np.array([5, 6, 6, 7])).tolist()
    [0, 0, 0, 1]
    """
    size = int(first.max()) + 1
    ends = np.unique(second, return_inverse=True)[1].reshape(-1) + size
    return components(first, ends, int(ends.max()) + 1)[first]


def _have_one_label(groups: IntArray, labels: IntArray) -> bool:
    """Return whether nearly every group of several examples has a single label."""
    _, sizes = np.unique(groups, return_counts=True)
    pairs = np.unique(np.column_stack([groups, labels]), axis=0)[:, 0]
    with_labels = np.unique(pairs, return_counts=True)[1]
    several = sizes > 1
    return bool(several.any() and (with_labels[several] == 1).mean() >= COPIES.one_label)
