"""`alfs fix DATA`: write a cleaned copy of the labels; DATA itself is never changed."""

from pathlib import Path
from typing import TYPE_CHECKING

from alfs_cli import __version__
from alfs_cli.errors import InputError
from alfs_cli.options.data import Data, DataOptions
from alfs_cli.options.fix import FixOptions, refuse_list
from alfs_cli.options.shared import Invocation, command

if TYPE_CHECKING:
    from alfs_cli.copies.cleaned import Cleaned
    from alfs_cli.data import LabelledDataset
    from alfs_cli.results.estimate import NoiseEstimate


@command
def fix(invocation: Invocation, options: DataOptions, data: Data, fixing: FixOptions) -> None:
    """Write a cleaned copy of the labels from issues.csv: drop, relabel or do what people decided.

    Decisions that people filled in (keep, drop or a class) come first, whatever the mode.
    """
    mode = fixing.mode()
    from alfs_cli.copies.answered import answered
    from alfs_cli.copies.cleaned import cleaned, cleaning_summary
    from alfs_cli.copies.writing import edited_suffixes, makes_tasks, refuse_target, write_edited
    from alfs_cli.data import in_words, load
    from alfs_cli.data.readers.reviewed import read_issues
    from alfs_cli.reports.fix import fix_report

    path = fixing.suspects(invocation.out)
    beside = path.with_name("estimate.json")
    invocation.refuse_inputs(path, beside)
    dataset = load(options.spec(data), is_screened=False)
    for note in dataset.notes:
        invocation.console.note(f"note: {note}")
    for text in in_words(dataset.problems):
        invocation.console.warn(text)
    suffixes = edited_suffixes(dataset)
    to = fixing.to if fixing.to is not None else invocation.out / f"cleaned{suffixes[0]}"
    refuse_list(to, path)
    refuse_target(dataset, to, suffixes, read=[path, beside])
    if fixing.audit is not None:  # an audit's answers need no estimate
        estimate, listed = None, answered(path, dataset)
    else:
        estimate = _estimate_of(invocation, dataset, path, beside, allow_stale=fixing.allow_stale)
        listed = read_issues(path, dataset)
    result = cleaned(
        dataset,
        listed,
        mode,
        min_score=fixing.min_score,
        min_confidence=fixing.min_confidence,
        needs_decision=not makes_tasks(dataset, to),  # which are for people to decide
    )
    _tell_doubts(invocation, result, estimate, path, force=fixing.force)
    written = write_edited(dataset, result.labels, result.is_kept, to, suspects=listed)
    for note in written.notes:
        invocation.console.warn(note)
    summary = cleaning_summary(
        result,
        listed,
        to,
        version=__version__,
        other_rows=written.other_rows,
        trust=None if estimate is None else estimate.trust.level,
    )
    invocation.publish(fix_report(summary))


def _estimate_of(
    invocation: Invocation,
    dataset: "LabelledDataset",
    path: Path,
    beside: Path,
    *,
    allow_stale: bool,
) -> "NoiseEstimate | None":
    """Return the estimate saved beside the list of suspects, None where there is none.

    Raises InputError where it was made from other data.
    """
    from alfs_cli.copies.cleaned import refuse_stale
    from alfs_cli.results.estimate import load_estimate

    if not beside.exists():
        invocation.console.note(
            f"note: no estimate.json beside '{path}': only its rows are compared, and how far to "
            "trust them is not known"
        )
        return None
    estimate = load_estimate(beside)
    if not allow_stale:
        refuse_stale(dataset, estimate, beside)
    return estimate


def _tell_doubts(
    invocation: Invocation,
    result: "Cleaned",
    estimate: "NoiseEstimate | None",
    listed: Path,
    *,
    force: bool,
) -> None:
    """Warn of doubts about the copy; raise InputError where one of them needs --force."""
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
