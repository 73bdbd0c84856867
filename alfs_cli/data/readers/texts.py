"""Which column of a table holds the text of the examples, and which texts cannot be judged."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from alfs_cli.data.content import Content
from alfs_cli.data.dataset import Problem
from alfs_cli.data.labels import RawLabels
from alfs_cli.data.readers.tuning import TUNING
from alfs_cli.data.texts import EMPTY, Texts
from alfs_cli.errors import InputError, brief

NAMES = (
    "text", "sentence", "review", "review_text", "comment", "comment_text", "utterance", "message",
    "document", "content", "body", "tweet", "post", "question", "query", "abstract", "headline",
    "title", "description", "summary", "transcript", "note", "notes",
)  # fmt: skip
SURE_NAMES = NAMES[:11]  # which name nothing but the text of an example
SAMPLED = 2000  # rows looked at to tell text from names and codes


def text_column(
    columns: Mapping[str, RawLabels], *, is_alone: bool
) -> tuple[str | None, tuple[str, ...]]:
    """Return the column of texts (N,) to judge, None where there is none, and the other ones.

    Columns of the usual names come first, in the order of `NAMES`, then those that read like
    text, the longest first. With `is_alone`, where the table has nothing else to judge by, a
    usual name is enough.
    """
    wordy = {name: words_in(_sampled(cells)) for name, cells in columns.items()}
    named = [name for usual in NAMES for name in columns if name.casefold() == usual]
    usual = [name for name in named if wordy[name]]
    read = sorted((name for name in columns if wordy[name]), key=lambda name: -wordy[name])
    chosen = next(iter([*usual, *read, *(named if is_alone else ())]), None)
    return chosen, tuple(name for name in read if name != chosen)


def _sampled(cells: RawLabels) -> RawLabels:
    return cells[:: max(1, len(cells) // SAMPLED)]


def words_in(cells: RawLabels) -> float:
    """Return the mean number of words in cells (n,) that read like text, 0 where they do not.

    Text has several words and seldom repeats, unlike names, codes and categories.

    >>> words_in(np.array(["a fine film", "far too long a film", "we loved it"], dtype=object))
    3.6666666666666665
    """
    filled = [cell for cell in cells if cell.strip()]
    if not filled or len(set(filled)) < TUNING.text_distinct * len(filled):
        return 0.0
    words = float(np.mean([len(cell.split()) for cell in filled]))
    return words if words >= TUNING.text_words else 0.0


def refuse_no_texts(cells: RawLabels, *, where: str) -> None:
    """Raise InputError where all texts are empty, or all are the same."""
    filled = {cell.strip() for cell in cells} - {""}
    if not filled:
        raise InputError(
            f"{where} holds no text: every cell is empty",
            help="--text-column names another column",
        )
    if len(filled) == 1 and len(cells) > 1:
        raise InputError(
            f"{where} repeats one text in every row: '{brief(next(iter(filled)))}'",
            help="--text-column names another column",
        )


def without_empty(content: Content, texts: Texts, *, where: str | None) -> Content:
    """Return the content in which examples of empty texts will be left out, each as a problem.

    `where` is the file that holds the texts.
    """
    is_filled = np.asarray([bool(cell.strip()) for cell in texts.cells], dtype=np.bool_)
    if is_filled.all():
        return content
    problems = []
    for row in map(int, np.flatnonzero(~is_filled)):
        line = None if content.lines is None else int(content.lines[row])
        given = None if content.labels is None else str(content.labels[row])
        said = f"row {row}: " if line is None else ""
        problems.append(Problem(EMPTY, f"{said}its text is empty", where, line, given, row))
    return replace(content, readable=is_filled, problems=(*content.problems, *problems))
