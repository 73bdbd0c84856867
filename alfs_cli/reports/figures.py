"""The report of `alfs figures`: the files written, and for features how far classes are apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alfs_cli.formats.blocks import Block, Column, Report, Table


@dataclass(frozen=True)
class ShownRun:
    """A panel of t-SNE in numbers: n examples, their silhouette and 10-NN purity by class."""

    run: str
    loss: str
    noise: str
    n: int
    wrong: int
    silhouette: float
    purity: float
    classes: str


def figures_report(made: Mapping[str, Sequence[Path]], runs: Sequence[ShownRun] = ()) -> Report:
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
    return Report("Figures", tuple(blocks), document)


def _separation(runs: Sequence[ShownRun]) -> Table:
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
