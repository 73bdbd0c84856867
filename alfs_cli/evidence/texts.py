"""Features of texts: TF-IDF of words, pairs of words and letter sequences, in fewer dimensions.

Vocabulary and inverse document frequencies are counted in the texts alone and see no label. So they
are fitted on all texts at once, also on those of held-out folds, and nothing leaks: only the
classifiers in folds see labels.

Letter sequences stay within words, as scikit-learn's `char_wb` has them. They are counted once in
each distinct word, and in a text as a sum over its words, which is many times as fast.

TF-IDF has tens of thousands of columns. The scalar products with a sample of the texts stand for
them (Nystroem method, Williams & Seeger, NIPS 2000): exact where the sample is all texts, and far
quicker than a singular value decomposition of as many dimensions.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_array, hstack
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

from alfs_cli.arrays import Features, IntArray
from alfs_cli.errors import InputError
from alfs_cli.evidence.tuning import TEXTS
from alfs_cli.noise.threads import one_blas_thread

Progress = Callable[[str, int, int], None]

BLOCK = 4096  # texts counted and multiplied at once, which bounds the memory
WORD = re.compile(r"\w+|[^\w\s]+")  # a run of letters and digits, or of punctuation
PAIR_BITS = 22  # of the hash of a pair: collisions among frequent pairs are rare
SMALLEST = 1e-4  # eigenvalue of a matrix of cosines: smaller ones are rounding errors


@dataclass(frozen=True, eq=False)
class Words:
    """The words of N texts: `ids` of all of them in order, and where each text `starts` (N + 1,).

    `names` are the distinct words, in the order of their ids.
    """

    ids: IntArray
    starts: IntArray
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def text_of(self) -> IntArray:
        """Return the 0-based text of each word."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.starts))

    def among(self, rows: IntArray | slice) -> "Words":
        """Return the words of some texts, with the same ids and names."""
        places = np.arange(len(self))[rows]
        lengths = np.diff(self.starts)[places]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        offsets = np.repeat(self.starts[places] - starts[:-1], lengths)
        return Words(self.ids[np.arange(starts[-1]) + offsets], starts, self.names)

    def blocks(self) -> Iterator["Words"]:
        """Yield the words of BLOCK texts at a time."""
        for rows in blocks(len(self)):
            yield self.among(rows)


def words_of(texts: NDArray[np.object_]) -> Words:
    """Return the words of texts (N,), in lower case.

    >>> words_of(np.array(["Not bad, not bad!"], dtype=object)).names
    ('not', 'bad', ',', '!')
    """
    number: defaultdict[str, int] = defaultdict()
    number.default_factory = number.__len__
    parts, starts = [], np.zeros(len(texts) + 1, dtype=np.int64)
    most = min(TEXTS.most_characters, TEXTS.all_characters // max(len(texts), 1))
    for row, text in enumerate(texts):
        found = WORD.findall(text[:most].lower())
        parts.append(np.fromiter(map(number.__getitem__, found), np.int32, len(found)))
        starts[row + 1] = starts[row] + len(found)
    return Words(np.concatenate(parts), starts, tuple(number))


Counts = Callable[[Words], csr_array]
"""Counts pieces of some kind in texts: (n, V), sparse."""


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of pieces: their counts, the columns that are kept, and the weight of each."""

    counts: Counts
    columns: IntArray
    weights: Features

    def weighed(self, words: Words) -> csr_array:
        """Return TF-IDF (n, V) of the kept pieces: (1 + log count) log(N / frequency)."""
        found = self.counts(words)[:, self.columns]
        found.data = 1 + np.log(found.data)
        return csr_array(found.multiply(self.weights[None, :]))


def kind_of(counts: Counts, words: Words) -> Kind:
    """Return a kind of pieces as it occurs in texts: those of several texts, the most frequent."""
    total = np.zeros(0, dtype=np.int64)
    for block in words.blocks():
        found = counts(block)
        total = total if len(total) else np.zeros(found.shape[1], dtype=np.int64)
        total += np.bincount(found.indices, minlength=found.shape[1])
    several = np.flatnonzero(total >= TEXTS.least_texts)
    order = np.argsort(-total[several], kind="stable")[: TEXTS.most_pieces]
    columns = np.sort(several[order])
    weights = np.log((1 + len(words)) / (1 + total[columns])) + 1
    return Kind(counts, columns, weights.astype(np.float32))


def word_counts(words: Words) -> csr_array:
    """Return how often each word occurs (n, V)."""
    return _counted(words.ids, words.text_of(), (len(words), len(words.names)))


def pair_counts(words: Words) -> csr_array:
    """Return how often each pair of adjacent words occurs, by a hash of the pair (n, PAIRS)."""
    text_of = words.text_of()
    is_pair = text_of[1:] == text_of[:-1]
    first, second = (part[is_pair].astype(np.uint64) for part in (words.ids[:-1], words.ids[1:]))
    mixed = (first * np.uint64(0x9E3779B97F4A7C15) + second) * np.uint64(0xD6E8FEB86659FD93)
    hashed = (mixed >> np.uint64(64 - PAIR_BITS)).astype(np.int32)
    return _counted(hashed, text_of[1:][is_pair], (len(words), 1 << PAIR_BITS))


def letter_counts(names: Sequence[str]) -> Counts:
    """Return what counts letter sequences in texts whose distinct words are `names`."""
    vectorizer = CountVectorizer(
        analyzer="char_wb", ngram_range=TEXTS.letters, lowercase=False, dtype=np.float32
    )
    inside = csr_array(vectorizer.fit_transform(names))
    return lambda words: word_counts(words) @ inside


def _counted(columns: IntArray, rows: IntArray, shape: tuple[int, int]) -> csr_array:
    ones = np.ones(len(columns), dtype=np.float32)
    return csr_array((ones, (rows, columns)), shape=shape)  # equal places are added up


@dataclass(frozen=True, eq=False)
class Vectors:
    """TF-IDF of texts: words with pairs of them, and letter sequences, with equal weights."""

    kinds: tuple[tuple[Kind, ...], ...]

    @classmethod
    def of(cls, words: Words) -> "Vectors":
        """Return the TF-IDF of these texts; raises InputError where no two share a piece."""
        wordy = tuple(kind_of(counts, words) for counts in (word_counts, pair_counts))
        letters = (kind_of(letter_counts(words.names), words),)
        if not any(len(kind.columns) for kind in (*wordy, *letters)):
            raise InputError(
                "no two texts have a word or a sequence of letters in common",
                help="--text-column names another column of texts",
            )
        return cls((wordy, letters))

    def __call__(self, words: Words) -> csr_array:
        """Return rows (n, V) of length 1 or, for a text without any known piece, 0."""
        parts = [
            normalize(hstack([kind.weighed(words) for kind in kinds], format="csr"))
            for kinds in self.kinds
        ]
        return csr_array(normalize(hstack(parts, format="csr")))


def text_features(
    texts: NDArray[np.object_], progress: Progress | None = None, *, seed: int = 0
) -> Features:
    """Return features (N, D) of texts (N,), whose scalar products are TF-IDF cosines, nearly.

    Raises InputError where no word and no sequence of letters occurs in two texts.
    """
    words = words_of(texts)
    vectors = Vectors.of(words)
    share = 1 if len(words) <= TEXTS.few_up_to else 2
    order = np.random.default_rng([seed, 6]).permutation(len(words))
    landmarks = vectors(words.among(np.sort(order[: TEXTS.landmarks // share])))
    basis = basis_of((landmarks @ landmarks.T).toarray(), TEXTS.dimensions // share)
    columns = csr_array(landmarks.T)
    found = np.empty((len(words), basis.shape[1]), dtype=np.float32)

    def fill(rows: slice) -> None:
        found[rows] = (vectors(words.among(rows)) @ columns).toarray() @ basis

    with one_blas_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
        for step, _ in enumerate(pool.map(fill, blocks(len(words))), start=1):
            if progress is not None:
                progress("reading texts", min(step * BLOCK, len(words)), len(words))
    return found


def basis_of(cosines: Features, most: int) -> Features:
    """Return (L, D) by which products with L landmarks become D features, at most so many."""
    last = len(cosines) - 1
    subset = (max(0, last + 1 - most), last)
    with one_blas_thread():
        values, vectors = eigh(cosines, subset_by_index=subset)
    large = np.flatnonzero(values > SMALLEST)[::-1]
    basis = vectors[:, large] / np.sqrt(values[large])
    basis *= np.sign(basis.sum(axis=0) + 1e-12)  # eigenvectors have no sign of their own
    return np.asarray(basis, dtype=np.float32)


def blocks(count: int) -> Iterator[slice]:
    """Yield slices of at most BLOCK rows."""
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))
