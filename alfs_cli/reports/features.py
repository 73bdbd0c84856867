"""The report of a folder of features: what is in it, what was made, what could not be read."""

from pathlib import Path
from typing import TYPE_CHECKING

from alfs_cli.formats.blocks import Block, Column, Facts, Report, Table, Verdict

if TYPE_CHECKING:
    from alfs_cli.estimating.features import FeaturesMade

MOST_UNREAD = 20  # examples listed


def features_report(folder: Path, made: "FeaturesMade") -> Report:
    """Return the report of one call of `alfs features`."""
    about = made.about
    by = about.encoder or "its own columns"
    blocks: list[Block] = [
        Facts(
            (
                ("data", f"{about.name}, {about.count:,} examples, {len(about.classes)} classes"),
                ("features", f"{by}, {about.dtype}, in {about.files:,} files"),
                ("folder", folder.as_posix()),
            )
        ),
        Verdict(
            "pass" if made.is_complete else "info",
            f"{made.new:,} files made, {made.kept:,} were whole already: {made.examples:,} "
            f"examples, {made.seconds:.1f} s",
            () if made.is_complete else ("other files are missing: their shards make them",),
        ),
    ]
    if made.unread:
        columns = (Column("row"), Column("path"), Column("why"))
        rows = tuple((one.row, one.path or "", one.message) for one in made.unread[:MOST_UNREAD])
        blocks.append(Table(f"Left out: {len(made.unread):,} unreadable", columns, rows))
    document = {
        "schema": "alfs.features-made/1",
        "folder": folder.as_posix(),
        "files": about.files,
        "new": made.new,
        "kept": made.kept,
        "examples": made.examples,
        "unread": [
            {"row": one.row, "path": one.path, "message": one.message} for one in made.unread
        ],
        "complete": made.is_complete,
        "seconds": made.seconds,
    }
    return Report(f"Features of {about.name}", tuple(blocks), document)
