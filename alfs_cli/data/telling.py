"""Words of texts that tell the given label, such as a `spam:` before every text labelled spam."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator

import numpy as np

from alfs_cli.arrays import BoolArray, IntArray
from alfs_cli.data.labels import RawLabels
from alfs_cli.data.tuning import TUNING
from alfs_cli.errors import brief

WORD = re.compile(r"\w+|[^\w\s]+")  # a run of letters and digits, or of punctuation
SAMPLED = 2000  # texts that are looked at first


def telling_words(cells: RawLabels, labels: IntArray, known: BoolArray) -> tuple[str, ...]:
    """Return the words, in lower case, that all texts of one label have and no others, sorted.

    None are returned unless all labels have such a word, or all but one. `known` (N,) is a mask of
    the labels (N,) that are not missing. Two texts of a thousand may be exceptions; a label of few
    texts shows nothing, as they may share a word by chance.
    """
    rows = np.flatnonzero(known)
    sample = rows[:: max(1, len(rows) // SAMPLED)]
    found = _telling(cells, labels, sample, None)
    return tuple(sorted(_telling(cells, labels, rows, found))) if found else ()


def _telling(
    cells: RawLabels, labels: IntArray, rows: IntArray, among: Collection[str] | None
) -> set[str]:
    sizes = np.bincount(labels[rows], minlength=1)
    large = {int(label) for label in np.flatnonzero(sizes >= TUNING.whole_code_repeats)}
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        words = {word.lower() for word in WORD.findall(cells[row])}
        for word in words if among is None else words.intersection(among):
            counts[word][int(labels[row])] += 1
    allowed, told = TUNING.code_errors * len(rows), {}
    for word, by_label in counts.items():
        label, count = by_label.most_common(1)[0]
        exceptions = sizes[label] - count + by_label.total() - count
        if label in large and exceptions <= allowed:
            told[word] = label
    return set(told) if len(large) > 1 and len(set(told.values())) >= len(large) - 1 else set()


def without_words(cells: RawLabels, words: Collection[str]) -> RawLabels:
    """Return texts without some words, given in lower case.

    >>> without_words(np.array(["Spam: you won", "dinner at 8?"], dtype=object), ["spam"]).tolist()
    [': you won', 'dinner at 8?']
    """
    if not words:
        return cells

    def kept(found: re.Match[str]) -> str:
        return "" if found.group().lower() in words else found.group()

    return np.array([WORD.sub(kept, cell) for cell in cells], dtype=object)


def notes_on(words: Collection[str]) -> Iterator[str]:
    """Yield a note on the words that are not judged by."""
    if words:
        named = ", ".join(f"'{brief(word)}'" for word in words)
        yield f"words of the texts not used: {named} stand where the label says"
