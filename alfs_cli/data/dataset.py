"""A labelled data set in memory, and how it was named on the command line."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import BoolArray, ByteArray, Features, FloatArray, IntArray, Probabilities
from alfs_cli.data.feature_columns import Columns
from alfs_cli.text.addresses import shown

if TYPE_CHECKING:
    from alfs_cli.data.images.depth import Scale
    from alfs_cli.data.images.framing import Frame

Progress = Callable[[int], None]
FILES = ("source", "labels", "true_labels", "pred_probs", "features", "classes", "root")
"""The fields of a DataSpec that are paths or addresses."""
CROWD = "crowd"  # the kind of a table of a crowd's answers


@dataclass(frozen=True)
class DataSpec:
    """How a data set was named on the command line: enough to read it again.

    Paths and addresses are as they were typed; in `data.located` paths of copies take the place of
    addresses. `source` is a path, an address or a built-in name; None means probabilities and
    labels only. With `lenient`, what is refused otherwise is left out and noted as a Problem:
    labels that are missing or no class, and unreadable images, however many; empty classes are
    accepted. With `labels_alone`, a table of labels without images or features is accepted.
    """

    source: str | None
    split: str | None = None
    labels: str | None = None
    true_labels: str | None = None
    pred_probs: str | None = None
    features: str | None = None
    label_column: str | None = None
    path_column: str | None = None
    text_column: str | None = None
    true_label_column: str | None = None
    label_columns: str | None = None
    feature_columns: str | None = None
    exclude_columns: str | None = None
    group_column: str | None = None
    classes: str | None = None
    root: str | None = None
    lenient: bool = False
    labels_alone: bool = False

    def given(self) -> dict[str, str | None]:
        """Return the options that were typed, as estimate.json records them, without secrets."""
        typed = asdict(self)
        del typed["lenient"], typed["labels_alone"]
        typed |= {key: shown(typed[key]) for key in FILES if typed[key] is not None}
        return {key: value for key, value in typed.items() if value is not None}


@dataclass(frozen=True)
class Problem:
    """Something wrong with one file or row, under the rule that names it (ALFS401 ...).

    `row` is the 0-based place in the order of DATA, before anything was left out.
    """

    rule: str
    message: str
    path: str | None = None
    line: int | None = None
    given: str | None = None
    row: int | None = None


MOST_TOLD = 5  # problems named in a message


def in_words(problems: Sequence[Problem]) -> list[str]:
    """Return a line for each of the first few problems, and a line that counts the others."""
    lines = [
        f"{_place(problem)}{problem.message} ({problem.rule})" for problem in problems[:MOST_TOLD]
    ]
    if len(problems) > MOST_TOLD:
        lines.append(f"and {len(problems) - MOST_TOLD:,} more; `alfs check` lists them")
    return lines


def _place(problem: Problem) -> str:
    """Return where a problem is, nothing where its message says so."""
    if problem.path is not None and problem.path not in problem.message:
        return f"'{problem.path}': "
    return f"line {problem.line}: " if problem.path is None and problem.line is not None else ""


class Images(Protocol):
    """N images, in memory or on disk."""

    def __len__(self) -> int:
        """N."""
        ...

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) that `decode` returns by default: the commonest size; C is 1 or 3."""
        ...

    @property
    def scale(self) -> "Scale | None":
        """Which values become black and white in pictures of more than 8 bits, None without any."""
        ...

    def scaled(self, scale: "Scale | None") -> "Images":
        """Return the same pictures, read with the scale of other data."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for the user on how the pictures are read."""
        ...

    def decode(
        self,
        indices: IntArray,
        *,
        size: "int | Frame | None" = None,
        channels: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[ByteArray, BoolArray]:
        """Return pixels (n, H, W, C) uint8 at `indices`, and a mask (n,) of what could be read.

        `size` asks for H = W = size, or for squares as a frame cuts them; `channels` for grey (1)
        or colour (3). A picture that cannot be read is black, and its mask False. `progress` is
        called with how many are decoded.
        """
        ...

    def png(self, index: int, size: int) -> bytes | None:
        """Return a PNG thumbnail not larger than (size, size), None where it cannot be read."""
        ...

    def problem(self, index: int) -> Problem | None:
        """Say why a picture cannot be read, None where it can."""
        ...

    def sent(self, indices: IntArray) -> "Images":
        """Return the pictures at `indices` in a form that another process can be sent.

        They are paths, or the bytes of pictures that lie in memory or inside a file.
        """
        ...

    def digest(self, index: int) -> bytes | None:
        """Return a digest of the stored bytes, None where they cannot be read."""
        ...

    def pixel_digest(self, index: int) -> bytes | None:
        """Return a digest of the decoded pixels, which does not depend on the file format.

        None where a picture cannot be read, is animated, or has more than 16 million pixels.
        """
        ...


@dataclass(frozen=True, eq=False)
class LabelledDataset:
    """N examples with given labels, and true ones where they are known.

    `labels` (N,) int64 are indices into `class_names`. `positions` (N,) are the examples' 0-based
    positions in the order of DATA, before anything was left out. `paths[i]` is an example's file as
    it can be opened from here, and `lines[i]` its 1-based line in `manifest`, the table that lists
    the examples. `pred_probs` (N, K) keep the precision of their file and may be a read-only view
    of it; `prior_probs` (N, K) are those of a model that did not see the labels. `population`
    (K, K) is the T that alfs drew the given labels from, where it did.
    `annotations` (N, M) are the labels of M `annotators`, -1 where one gave none; `tasks` (N,) name
    the examples of a crowd's table. `fingerprint`
    covers the examples, given labels and class names as they were read, but not `pred_probs`, true
    labels or the place of the files. `columns` says which columns the `features` are, where there
    were columns to choose from. `groups` (N,) number the groups of examples that belong together,
    such as one patient's; examples with the same number in `contents` (N,) have the same content.
    `texts` (N,) are the examples' texts, `text_column` names their column where they have one, and
    `telling_words` are not judged by, since they stand where the label says.
    """

    name: str
    kind: str
    spec: DataSpec
    labels: IntArray
    class_names: tuple[str, ...]
    fingerprint: str
    images: Images | None = None
    features: Features | None = None
    pred_probs: Probabilities | None = None
    prior_probs: FloatArray | None = None
    true_labels: IntArray | None = None
    annotations: IntArray | None = None
    annotators: tuple[str, ...] = ()
    tasks: NDArray[np.object_] | None = None
    positions: IntArray | None = None
    paths: tuple[str, ...] | None = None
    lines: IntArray | None = None
    manifest: str | None = None
    split: str | None = None
    population: FloatArray | None = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = field(default=())
    content_digest: str = ""
    totals: IntArray | None = None
    columns: Columns | None = None
    groups: IntArray | None = None
    contents: IntArray | None = None
    texts: NDArray[np.object_] | None = None
    text_column: str | None = None
    telling_words: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def given_counts(self) -> IntArray:
        """The number of examples of each given label, (K,)."""
        if self.totals is not None:
            return self.totals
        return np.bincount(self.labels, minlength=self.num_classes).astype(np.int64)

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_names)

    def subset(self, indices: IntArray) -> "LabelledDataset":
        """Return the examples at `indices`, in that order; images are not copied."""
        pick = np.asarray(indices, dtype=np.int64)
        positions = self.positions if self.positions is not None else np.arange(len(self))
        return replace(
            self,
            labels=self.labels[pick],
            images=None if self.images is None else SomeImages(self.images, pick),
            features=None if self.features is None else self.features[pick],
            pred_probs=None if self.pred_probs is None else self.pred_probs[pick],
            prior_probs=None if self.prior_probs is None else self.prior_probs[pick],
            true_labels=None if self.true_labels is None else self.true_labels[pick],
            annotations=None if self.annotations is None else self.annotations[pick],
            tasks=None if self.tasks is None else self.tasks[pick],
            positions=positions[pick],
            paths=None if self.paths is None else tuple(self.paths[i] for i in pick),
            lines=None if self.lines is None else self.lines[pick],
            groups=None if self.groups is None else self.groups[pick],
            contents=None if self.contents is None else self.contents[pick],
            texts=None if self.texts is None else self.texts[pick],
        )

    def scaled(self, scale: "Scale | None") -> "LabelledDataset":
        """Return the same examples, with pictures read by the scale of other data."""
        return self if self.images is None else replace(self, images=self.images.scaled(scale))

    def with_labels(self, labels: IntArray) -> "LabelledDataset":
        """Return the same examples under other given labels."""
        return replace(self, labels=np.asarray(labels, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class SomeImages:
    """The images of `source` at `indices`, in that order."""

    source: Images
    indices: IntArray

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.source.shape

    @property
    def scale(self) -> "Scale | None":
        """The scale of the source, None without pictures of more than 8 bits."""
        return self.source.scale

    def scaled(self, scale: "Scale | None") -> "SomeImages":
        """Return the same pictures, read with the scale of other data."""
        return SomeImages(self.source.scaled(scale), self.indices)

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for the user on how the pictures are read."""
        return self.source.notes

    def decode(
        self,
        indices: IntArray,
        *,
        size: "int | Frame | None" = None,
        channels: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[ByteArray, BoolArray]:
        """Return pixels (n, H, W, C) uint8, and a mask (n,) of what could be read."""
        chosen = self.indices[indices]
        return self.source.decode(chosen, size=size, channels=channels, progress=progress)

    def png(self, index: int, size: int) -> bytes | None:
        """Return a PNG thumbnail."""
        return self.source.png(int(self.indices[index]), size)

    def problem(self, index: int) -> Problem | None:
        """Say why a picture cannot be read."""
        return self.source.problem(int(self.indices[index]))

    def sent(self, indices: IntArray) -> Images:
        """Return the pictures at `indices` in a form that another process can be sent."""
        return self.source.sent(self.indices[indices])

    def digest(self, index: int) -> bytes | None:
        """Return a digest of the stored bytes, None where they cannot be read."""
        return self.source.digest(int(self.indices[index]))

    def pixel_digest(self, index: int) -> bytes | None:
        """Return a digest of the decoded pixels, None where it is not known."""
        return self.source.pixel_digest(int(self.indices[index]))


@dataclass(frozen=True)
class TestLabels:
    """Which examples accuracy is measured on, and whether their labels are the true ones.

    `fingerprint` covers the examples and these labels.
    """

    __test__ = False  # pytest would take the name for that of a test class

    source: str
    split: str | None
    n: int
    labels: Literal["true", "given"] | None
    fingerprint: str | None = None


@dataclass(frozen=True, eq=False)
class TrainTest:
    """The part to train on, and the part to test on with its description (None without one)."""

    train: LabelledDataset
    test: LabelledDataset | None
    about: TestLabels | None


def positions_of(dataset: LabelledDataset) -> IntArray:
    """Return each example's 0-based position in the order of DATA, (N,)."""
    return dataset.positions if dataset.positions is not None else np.arange(len(dataset))


def batches(count: int, size: int) -> Iterator[IntArray]:
    """Yield 0 .. count - 1 in runs of at most `size`.

    >>> [batch.tolist() for batch in batches(5, 2)]
    [[0, 1], [2, 3], [4]]
    """
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))
