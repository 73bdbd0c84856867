"""What a name or path of a saved result stands for, and what lies beside it: for reports."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from alfs_cli.errors import InputError
from alfs_cli.results.estimate import NoiseEstimate
from alfs_cli.results.run import CONFIG, RESULT, find_run
from alfs_cli.results.sweep import PLAN, find_sweep
from alfs_cli.storage.documents import Number, from_document, read_document
from alfs_cli.storage.files import as_file

if TYPE_CHECKING:
    import pandas as pd

    from alfs_cli.formats.blocks import Picture

ESTIMATE = "estimate.json"
ISSUES = "issues.parquet"
PICTURE_SIZE = 96
MOST_BYTES = 3_000_000  # of pictures on a page, which base64 makes a third longer
MOST_OF_A_PAIR = 3

Kind = Literal["estimate", "run", "sweep"]


def find_saved(name: str | None, out: Path) -> tuple[Kind, Path]:
    """Return what kind of result a name stands for, and its file (estimate) or folder.

    A name is a path, or the id of a run or sweep under `out`; without one it is the estimate there.
    Raises InputError where there is nothing of the kind.
    """
    path = Path(name) if name is not None else out / ESTIMATE
    if name is None and not path.is_file():
        raise InputError(
            f"nothing is named, and there is no '{path.as_posix()}'",
            help="name an estimate.json, a run or a sweep; `alfs estimate DATA` makes the first",
        )
    if as_file(path).is_file():
        by_name: dict[str, Kind] = {RESULT: "run", CONFIG: "run", PLAN: "sweep"}
        kind = by_name.get(path.name, "estimate")
        return kind, path if kind == "estimate" else path.parent
    if (path / ESTIMATE).is_file():
        return "estimate", path / ESTIMATE
    sweep = find_sweep(str(name), out)
    return ("run", find_run(str(name), out)) if sweep is None else ("sweep", sweep)


@dataclass(frozen=True)
class Advised:
    """One loss of a recommendation, as far as a report speaks of it."""

    loss: str
    margin: Number | None
    certificate: str
    why: str
    correction: str = "none"
    least_level: float = 0.0


@dataclass(frozen=True)
class DataOf:
    """The data that a saved result is for."""

    fingerprint: str


@dataclass(frozen=True)
class LevelOf:
    """The clean level that a recommendation rests on."""

    value: Number
    low: Number


@dataclass(frozen=True)
class Advice:
    """What a report says of a recommendation.json."""

    status: Literal["certified", "uncertain", "impossible", "stale"]
    data: DataOf
    recommendations: tuple[Advised, ...] = ()
    file: str = ""


@dataclass(frozen=True)
class GateOf:
    """A gate of a check.json."""

    rule: str
    name: str
    status: str
    value: Number | None = None
    limit: Number | None = None


@dataclass(frozen=True)
class Checked:
    """What a report says of a check.json."""

    passed: bool
    gates: tuple[GateOf, ...] = ()


def advice_beside(path: Path, estimate: NoiseEstimate) -> Advice | None:
    """Return the recommendation beside an estimate, where there is one for the same data.

    It is `stale` where it was made from another estimate.
    """
    file = path.with_name("recommendation.json")
    if not file.is_file():
        return None
    document = read_document(file, "alfs.recommendation/1")
    found = from_document(document, Advice, where=str(file), is_strict=True)
    if found.data.fingerprint != estimate.data.fingerprint:
        return None
    if not rests_on(document, estimate, where=str(file)):
        return replace(found, status="stale")
    return replace(found, file=file.as_posix())


def rests_on(document: Mapping[str, Any], estimate: NoiseEstimate, *, where: str) -> bool:
    """Say whether a recommendation.json has the clean level of an estimate, or none at all."""
    if "clean_level" not in document:
        return True
    level = from_document(document["clean_level"], LevelOf, where=where, is_strict=True)
    return (level.value, level.low) == (estimate.clean_level.value, estimate.clean_level.low)


def check_beside(path: Path) -> Checked | None:
    """Return the check beside an estimate, where there is one that is no older."""
    file = path.with_name("check.json")
    if not file.is_file() or file.stat().st_mtime_ns < path.stat().st_mtime_ns:
        return None
    document = read_document(file, "alfs.check/1")
    return from_document(document, Checked, where=str(file), is_strict=True)


@dataclass(frozen=True)
class Suspects:
    """Pictures of the worst suspects, and of the pairs of classes most often confused."""

    worst: "tuple[Picture, ...]" = ()
    pairs: "tuple[Picture, ...]" = ()
    note: str = ""


def suspects_of(path: Path, estimate: NoiseEstimate, *, count: int, num_pairs: int) -> Suspects:
    """Return pictures of what issues.parquet lists beside an estimate, its data read once more.

    There are none where the list or the data are gone, are others now, or hold no images; `note`
    says which.
    """
    import pandas as pd

    from alfs_cli.data import DataSpec, load, positions_of
    from alfs_cli.errors import AlfsError

    file = path.with_name(ISSUES)
    if not file.is_file():
        return Suspects(note=f"{ISSUES} is not beside {path.name}, so no picture is shown")
    if estimate.data.source is None:
        return Suspects()
    try:
        rows = pd.read_parquet(file)
        spec: dict[str, Any] = {"source": None, **estimate.data.spec}
        dataset = load(DataSpec(**spec))
    except (AlfsError, OSError, ValueError, TypeError) as error:
        first = str(error).splitlines()[0]
        return Suspects(note=f"the data are not at hand, so no picture is shown: {first}")
    if dataset.fingerprint != estimate.data.fingerprint:
        return Suspects(note="the data have changed since, so no picture is shown")
    if dataset.images is None:
        return Suspects()
    images = dataset.images
    places = {int(position): place for place, position in enumerate(positions_of(dataset))}

    def pictures(chosen: pd.DataFrame) -> "Iterator[Picture]":
        from alfs_cli.formats.blocks import Picture

        for row in chosen.to_dict("records"):
            png = images.png(places[int(row["index"])], PICTURE_SIZE)
            if png is not None:
                where = row["path"] or f"row {row['index']}"
                looks = f"looks like {row['suggested']} ({row['score']:.2f})"
                yield Picture(png, f"given {row['given']}, {looks} {where}")

    pairs = _pairs(rows, estimate, num_pairs)
    worst = _within(pictures(rows.head(count)), MOST_BYTES)
    return Suspects(worst, _within(pictures(pairs), MOST_BYTES // 3))


def _pairs(rows: "pd.DataFrame", estimate: NoiseEstimate, count: int) -> "pd.DataFrame":
    """Return the first suspects of the pairs of classes with the highest rates in T."""
    import pandas as pd

    names, T = estimate.data.classes, estimate.transition
    cells = [(i, j) for i in range(len(names)) for j in range(len(names)) if i != j and T[i][j] > 0]
    cells.sort(key=lambda cell: -T[cell[0]][cell[1]])
    chosen = [
        rows[(rows["suggested"] == names[i]) & (rows["given"] == names[j])].head(MOST_OF_A_PAIR)
        for i, j in cells[:count]
    ]
    return pd.concat(chosen) if chosen else rows.head(0)


def _within(pictures: "Iterator[Picture]", most_bytes: int) -> "tuple[Picture, ...]":
    kept, size = [], 0
    for picture in pictures:
        size += len(picture.png)
        if size > most_bytes:
            break
        kept.append(picture)
    return tuple(kept)
