"""`alfs fix DATA`: a cleaned copy of the labels from issues.csv, never in place."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli import __version__
from alfs_cli.commands.data_options import Data, DataOptions
from alfs_cli.errors import UsageError
from alfs_cli.invocation import Invocation, command
from alfs_cli.targets import Writes

if TYPE_CHECKING:
    from alfs_cli.copies.cleaned import Mode


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
            help="Where to write it: .csv or .tsv for files, .npz for arrays; "
            "without it cleaned.csv or .npz under --out.",
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
    from alfs_cli.copies.cleaned import cleaned, cleaning_summary, refuse_stale, write_cleaned
    from alfs_cli.copies.writing import refuse_target, written_form
    from alfs_cli.data import in_words, load
    from alfs_cli.data.reviewed import read_issues
    from alfs_cli.reports.fix import fix_report

    path = issues if issues is not None else invocation.out / "issues.csv"
    if not path.exists():
        raise UsageError(f"no list of suspects: '{path}' is not there", help="alfs estimate DATA")
    if to is not None and path.resolve() == to.resolve():
        raise UsageError(f"--to '{to}' is the list of suspects", help="name another file")
    invocation.refuse_inputs(path, path.with_name("estimate.json"))
    dataset = load(options.spec(data))
    for note in dataset.notes:
        invocation.note(f"note: {note}")
    for text in in_words(dataset.problems):
        invocation.warn(text)
    if to is None:
        suffix = ".npz" if written_form(dataset) == "npz" else ".csv"
        to = invocation.out / f"cleaned{suffix}"
    refuse_target(dataset, to)
    if path.resolve() == to.resolve():
        raise UsageError(f"--to '{to}' is the list of suspects", help="name another file")
    estimate = path.with_name("estimate.json")
    if not estimate.exists():
        invocation.note(f"note: no estimate.json beside '{path}': only its rows are compared")
    elif not allow_stale:
        refuse_stale(dataset, estimate)
    listed = read_issues(path, dataset)
    mode = modes[0]
    result = cleaned(
        dataset,
        listed,
        mode,
        min_score=min_score,
        min_confidence=min_confidence,
    )
    for note in write_cleaned(result, to):
        invocation.warn(note)
    summary = cleaning_summary(
        result,
        listed,
        to,
        version=__version__,
        mode=mode,
        min_score=min_score,
        min_confidence=min_confidence,
    )
    invocation.publish(fix_report(summary))
