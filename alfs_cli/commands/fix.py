"""`alfs fix DATA`: a cleaned copy of the labels from issues.csv, never in place."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli import __version__
from alfs_cli.errors import InputError, UsageError
from alfs_cli.options.data import Data, DataOptions
from alfs_cli.options.shared import Invocation, command
from alfs_cli.storage.targets import Writes

if TYPE_CHECKING:
    from alfs_cli.copies.cleaned import Cleaned, Mode
    from alfs_cli.results.estimate import NoiseEstimate


@command
def fix(
    invocation: Invocation,
    options: DataOptions,
    data: Data,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FILE",
            help="Where to write it, in the form of DATA (.csv for a folder); without it "
            "cleaned.csv, .npz, ... under --out.",
        ),
        Writes(),
    ] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Leave suspect labels out.")] = False,
    relabel: Annotated[
        bool, typer.Option("--relabel", help="Give suspect labels the suggested class.")
    ] = False,
    review: Annotated[
        bool,
        typer.Option("--review", help="Change only what the column decision says."),
    ] = False,
    issues: Annotated[
        Path | None,
        typer.Option(
            "--issues", metavar="FILE", help="The list; without it issues.csv under --out."
        ),
    ] = None,
    min_score: Annotated[
        float, typer.Option("--min-score", min=0, max=1, help="Touch labels scored so or above.")
    ] = 0.5,
    min_confidence: Annotated[
        float,
        typer.Option(
            "--min-confidence",
            min=0,
            max=1,
            help="Relabel only where the suggested class is so probable.",
        ),
    ] = 0.0,
    force: Annotated[
        bool,
        typer.Option("--force", help="Write it though trust is low, or a class loses all."),
    ] = False,
    allow_stale: Annotated[
        bool,
        typer.Option("--allow-stale", help="Accept an estimate.json of other data or labels."),
    ] = False,
) -> None:
    """Write a cleaned copy of the labels from issues.csv: drop, relabel or do what people decided.

    Decisions that people filled in (keep, drop or a class) come first, whatever the mode.
    """
    by_mode: dict[Mode, bool] = {"drop": drop, "relabel": relabel, "review": review}
    modes = [mode for mode, is_on in by_mode.items() if is_on]
    if len(modes) != 1:
        raise UsageError(
            f"{' and '.join(f'--{m}' for m in modes)} exclude each other"
            if modes
            else "what shall be done with the suspects is not said",
            help="one of --drop, --relabel, --review",
        )
    from alfs_cli.copies.cleaned import cleaned, cleaning_summary, refuse_stale
    from alfs_cli.copies.writing import edited_suffixes, refuse_target, write_edited
    from alfs_cli.data import in_words, load
    from alfs_cli.data.readers.reviewed import read_issues
    from alfs_cli.reports.fix import fix_report
    from alfs_cli.results.estimate import load_estimate

    path = issues if issues is not None else invocation.out / "issues.csv"
    if not path.exists():
        raise UsageError(f"no list of suspects: '{path}' is not there", help="alfs estimate DATA")
    if to is not None and path.resolve() == to.resolve():
        raise UsageError(f"--to '{to}' is the list of suspects", help="name another file")
    invocation.refuse_inputs(path, path.with_name("estimate.json"))
    dataset = load(options.spec(data), is_screened=False)
    for note in dataset.notes:
        invocation.console.note(f"note: {note}")
    for text in in_words(dataset.problems):
        invocation.console.warn(text)
    if to is None:
        to = invocation.out / f"cleaned{edited_suffixes(dataset)[0]}"
    if path.resolve() == to.resolve():
        raise UsageError(f"--to '{to}' is the list of suspects", help="name another file")
    beside = path.with_name("estimate.json")
    refuse_target(dataset, to, edited_suffixes(dataset), read=[path, beside])
    estimate = load_estimate(beside) if beside.exists() else None
    if estimate is None:
        invocation.console.note(
            f"note: no estimate.json beside '{path}': only its rows are compared, and how far to "
            "trust them is not known"
        )
    elif not allow_stale:
        refuse_stale(dataset, estimate, beside)
    listed = read_issues(path, dataset)
    mode = modes[0]
    result = cleaned(
        dataset,
        listed,
        mode,
        min_score=min_score,
        min_confidence=min_confidence,
    )
    _tell_doubts(invocation, result, estimate, path, force=force)
    written = write_edited(dataset, result.labels, result.is_kept, to)
    for note in written.notes:
        invocation.console.warn(note)
    summary = cleaning_summary(
        result,
        listed,
        to,
        version=__version__,
        mode=mode,
        min_score=min_score,
        min_confidence=min_confidence,
        other_rows=written.other_rows,
        trust=None if estimate is None else estimate.trust.level,
    )
    invocation.publish(fix_report(summary))


def _tell_doubts(
    invocation: Invocation,
    result: "Cleaned",
    estimate: "NoiseEstimate | None",
    listed: Path,
    *,
    force: bool,
) -> None:
    """Tell what speaks against the copy; raises InputError where that needs --force."""
    from alfs_cli.copies.cleaned import broken_pictures, doubts
    from alfs_cli.data import in_words

    against = doubts(result, estimate)
    if any(doubt.needs_force for doubt in against) and not force:
        raise InputError(
            "\n".join(doubt.text for doubt in against),
            help=f"look at '{listed}', fill in its column decision and use --review; --force does "
            "it all the same",
        )
    broken = [f"{text} and stays in the copy" for text in in_words(broken_pictures(result))]
    for text in (*(doubt.text for doubt in against), *broken):
        invocation.console.warn(text)
