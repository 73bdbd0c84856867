"""Pictures or texts of suspect labels for a page, from the list beside a saved estimate."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from alfs_cli.formats.blocks import Cell, Column, Picture, Table
from alfs_cli.reports.estimate import worst_pairs
from alfs_cli.results.estimate import NoiseEstimate
from alfs_cli.text.numbers import percent

if TYPE_CHECKING:
    import pandas as pd

PICTURE_SIZE = 96  # pixels of the longer side
MOST_BYTES = 3_000_000  # of pictures on a page; base64 adds a third
MOST_OF_A_PAIR = 3  # pictures of a pair of classes


@dataclass(frozen=True)
class Suspects:
    """Pictures of the worst suspects, and of the most confused pairs of classes; or their texts."""

    worst: tuple[Picture, ...] = ()
    pairs: tuple[Picture, ...] = ()
    note: str = ""
    texts: Table | None = None
    total: int = 0  # of the suspects listed


def texts_of(rows: "pd.DataFrame", count: int, *, is_wide: bool = False) -> Table | None:
    """Return the texts of the worst suspects in a list of them, None where it holds no texts.

    `is_wide` tells the nearest texts too, for which a terminal has no room.
    """
    from alfs_cli.suspects.reasons import NEIGHBOURS, in_words, read
    from alfs_cli.suspects.scores import TEXT

    if TEXT not in rows.columns or not len(rows):
        return None
    shown = rows.head(count)
    columns = [Column("given"), Column("looks like"), Column("score", "number"), Column("text")]
    cells: list[tuple[Cell, ...]] = [
        (str(g), str(s), round(float(score), 3), str(text))
        for g, s, score, text in zip(
            shown["given"], shown["suggested"], shown["score"], shown[TEXT], strict=True
        )
    ]
    if is_wide and NEIGHBOURS in rows.columns:
        columns.append(Column("labels of the nearest texts, and how far they are"))
        near = [in_words(read(cell)) for cell in shown[NEIGHBOURS]]
        cells = [(*some, words) for some, words in zip(cells, near, strict=True)]
    left = len(rows) - len(shown)
    return Table(
        "Labels most likely wrong, worst first",
        tuple(columns),
        tuple(cells),
        note=f"{len(shown):,} of {len(rows):,}; the others are in issues.csv" if left else "",
    )


def suspects_of(path: Path, estimate: NoiseEstimate, *, count: int, num_pairs: int) -> Suspects:
    """Return pictures of the suspects that issues.parquet lists beside an estimate, or its texts.

    The data of pictures are read again. There are no pictures where the list or the data are
    missing or have changed, or where the data are no images; `note` gives the reason.
    """
    from alfs_cli.data import DataSpec, load, positions_of
    from alfs_cli.errors import AlfsError
    from alfs_cli.suspects.scores import LISTED, read_issues_table

    try:
        rows = read_issues_table(path, estimate.data.classes)
        if rows is None:
            return Suspects(note=f"{LISTED} is not beside {path.name}, so no picture is shown")
        texts = texts_of(rows, count, is_wide=True)
        if texts is not None or estimate.data.source is None:
            return Suspects(texts=texts)
        spec: dict[str, Any] = {"source": None, **estimate.data.spec}
        dataset = load(DataSpec(**spec))
    except (AlfsError, OSError, ValueError, TypeError) as error:
        first = str(error).splitlines()[0]
        return Suspects(note=f"the data cannot be read, so no picture is shown: {first}")
    if dataset.fingerprint != estimate.data.fingerprint:
        return Suspects(note="the data have changed since, so no picture is shown")
    if dataset.images is None:
        return Suspects()
    images = dataset.images
    places = {int(position): place for place, position in enumerate(positions_of(dataset))}

    def pictures(chosen: "pd.DataFrame") -> Iterator[Picture]:
        for row in chosen.to_dict("records"):
            png = images.png(places[int(row["index"])], PICTURE_SIZE)
            if png is not None:
                yield _picture(png, row, path.parent)

    pairs = _pairs(rows, estimate, num_pairs)
    worst = _within(pictures(rows.head(count)), MOST_BYTES)
    return Suspects(worst, _within(pictures(pairs), MOST_BYTES // 3), total=len(rows))


def _picture(png: bytes, row: "dict[Any, Any]", folder: Path) -> Picture:
    """Return the picture of a row of the list, linked from a page in `folder`."""
    given, suggested = str(row["given"]), str(row["suggested"])
    file = Path(row["path"]) if row["path"] else None
    is_file = file is not None and file.is_file()
    return Picture(
        png,
        f"given {given}, looks like {suggested} ({row['score']:.2f})",
        place=str(row["path"] or f"row {row['index']}"),
        href=quote(os.path.relpath(file, folder)) if file is not None and is_file else "",
        given=given,
        suggested=suggested,
        reasons=_reasons(row),
    )


def _reasons(row: "dict[Any, Any]") -> tuple[str, ...]:
    """Return what issues.parquet says of why a label is suspect; an older one says nothing."""
    from alfs_cli.suspects.reasons import NEIGHBOURS, TRANSITION, in_words, read

    lines = []
    if near := read(row.get(NEIGHBOURS, "")):
        lines.append(f"nearest: {in_words(near)}")
    if TRANSITION in row:
        share = percent(float(row[TRANSITION]))
        lines.append(f"T: {share} of {row['suggested']} are labelled {row['given']}")
    return tuple(lines)


def _pairs(rows: "pd.DataFrame", estimate: NoiseEstimate, count: int) -> "pd.DataFrame":
    """Return the first suspects of the pairs of classes with the highest rates in T."""
    import pandas as pd

    names = estimate.data.classes
    chosen = [
        rows[(rows["suggested"] == names[i]) & (rows["given"] == names[j])].head(MOST_OF_A_PAIR)
        for i, j in worst_pairs(estimate, count)
    ]
    return pd.concat(chosen) if chosen else rows.head(0)


def _within(pictures: Iterator[Picture], most_bytes: int) -> tuple[Picture, ...]:
    kept, size = [], 0
    for picture in pictures:
        size += len(picture.png)
        if size > most_bytes:
            break
        kept.append(picture)
    return tuple(kept)
