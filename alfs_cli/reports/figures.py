"""The report of `alfs figures`: the files written, and the numbers of trained runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alfs_cli.formats.blocks import Block, Column, Report, Table

if TYPE_CHECKING:
    from alfs_cli.figures.embedding import ShownRun
    from alfs_cli.figures.parameters import Setting


def figures_report(
    made: Mapping[str, Sequence[Path]],
    runs: "Sequence[ShownRun]" = (),
    settings: "Sequence[Setting]" = (),
) -> Report:
    """Return the report on figures by name, with the files of each."""
    rows = tuple((name, path.as_posix()) for name, paths in made.items() for path in paths)
    document: dict[str, object] = {
        "schema": "alfs.figures/1",
        "figures": [
            {"name": name, "files": [path.as_posix() for path in paths]}
            for name, paths in made.items()
        ],
    }
    blocks: list[Block] = [Table("Written", (Column("figure"), Column("file")), rows)]
    if runs:
        document["runs"] = [vars(run) for run in runs]
        blocks.insert(0, _separation(runs))
    if settings:
        document["settings"] = [vars(setting) for setting in settings]
        blocks.insert(0, _settings(settings))
    return Report("Figures", tuple(blocks), document)


def _settings(settings: "Sequence[Setting]") -> Table:
    columns = (
        Column("loss"),
        Column("noise"),
        Column("ratio", "number"),
        Column("robust"),
        Column("accuracy (%)", "number"),
        Column("+-", "number"),
        Column("n", "count"),
    )
    words = {True: "proved", False: "no", None: None}
    rows = tuple(
        (
            one.loss,
            one.noise,
            one.ratio,
            words[one.is_robust],
            100 * one.accuracy,
            None if one.std is None else 100 * one.std,
            one.n,
        )
        for one in settings
    )
    return Table(
        "Test accuracy of the last epoch",
        columns,
        rows,
        note="mean and standard deviation over n seeds; ratio: the asymmetry ratio, of a sum that "
        "of its part l(u); robust: proved asymmetric on the noise that was injected.",
    )


def _separation(runs: "Sequence[ShownRun]") -> Table:
    columns = (
        Column("loss"),
        Column("noise"),
        Column("silhouette", "number"),
        Column("purity", "number"),
        Column("n", "count"),
        Column("wrong labels", "count"),
        Column("run"),
    )
    by = runs[0].classes
    return Table(
        "How far the classes are apart",
        columns,
        tuple(
            (run.loss, run.noise, run.silhouette, run.purity, run.n, run.wrong, run.run)
            for run in runs
        ),
        note=f"of the penultimate features, by {by}, not of the picture. Silhouette: from -1 to "
        "1, above 0 where examples are nearer to their own class; purity: the share of the "
        "10 nearest other examples that are of the same class.",
    )
