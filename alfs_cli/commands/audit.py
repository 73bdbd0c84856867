"""`alfs audit DATA`: decide claims about the labels with as few human answers as possible."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from alfs_cli.errors import Interrupted, Stopped, UsageError
from alfs_cli.options.audit import ClaimFlags, PageFlags, ScoreFlags, SheetFlags
from alfs_cli.options.data import DataOptions, OptionalData, PredProbs
from alfs_cli.options.shared import Invocation, command
from alfs_cli.storage.targets import Target, refuse_inputs
from alfs_cli.terminal.output import printable

if TYPE_CHECKING:
    from alfs_cli.arrays import IntArray
    from alfs_cli.auditing.exhibits import Exhibits
    from alfs_cli.auditing.scores import Scores
    from alfs_cli.auditing.session import Opened
    from alfs_cli.data import DataSpec


@command
def audit(
    invocation: Invocation,
    options: DataOptions,
    claims: ClaimFlags,
    sheets: SheetFlags,
    page: PageFlags,
    scoring: ScoreFlags,
    data: OptionalData = None,
    pred_probs: PredProbs = None,
) -> None:
    """Decide claims about the labels by asking people about examples drawn at random.

    Opens a page on this machine, or writes a sheet, until all claims are decided. The same
    command with the same --out continues the audit. Writes audit.json and audit.jsonl.
    """
    if data is None and options.labels is None and pred_probs is None:
        raise UsageError("nothing to audit", help="alfs audit DATA --claim 'noise-rate <= 0.05'")
    spec = replace(options.spec(data, pred_probs=pred_probs), labels_alone=True)
    files = [*_files(data, pred_probs, *options.named().values()), *(sheets.read or ())]
    _refuse_overwriting(invocation.out, files, sheets.sheet)
    from alfs_cli.auditing.exhibits import exhibits
    from alfs_cli.data import in_words, load

    dataset = load(spec, categories=True)
    shows = exhibits(dataset)
    if sheets.verify is not None:
        _verify(invocation, shows, sheets.verify)
        return
    opened = _opened(invocation, shows, spec, claims, scoring)
    if opened.is_new and scoring.evidence == "none":
        for text in (*(f"note: {note}" for note in dataset.notes), *in_words(dataset.problems)):
            invocation.console.note(text)
    if opened.is_new and shows.hidden and not opened.record.plan.show_given:
        names = ", ".join(f"'{name}' {reason}" for name, reason in shows.hidden)
        invocation.console.note(f"note: columns that are not shown: {names}")
    budget = claims.budget
    if sheets.read or sheets.sheet is not None:
        from alfs_cli.auditing.paper import read_answers, write_next

        record, console = opened.record, invocation.console
        if sheets.read:
            read_answers(record, shows, sheets.read, sheets.who, console)
        if sheets.sheet is not None:
            write_next(record, shows, sheets.sheet, sheets.batch, budget, console)
    if sheets.sheet is None and not sheets.read:
        _serve(invocation, opened, shows, page, budget)
    is_read = bool(sheets.read) and sheets.sheet is None
    is_awaited = is_read or sheets.sheet is not None
    _conclude(invocation, opened, shows, budget, is_awaited=is_awaited, is_read=is_read)


def _opened(
    invocation: Invocation,
    shows: "Exhibits",
    spec: "DataSpec",
    claims: ClaimFlags,
    scoring: ScoreFlags,
) -> "Opened":
    """Open the audit under --out, or begin one."""
    from alfs_cli.auditing.session import open_audit

    console = invocation.console

    def scores() -> "Scores | None":
        from alfs_cli.auditing.scores import scores_of

        return scores_of(shows.dataset, scoring.read(invocation), console)

    def predictions(run: str) -> "IntArray":
        from alfs_cli.predicting.classes import predictions_of

        classes = shows.dataset.class_names
        out, device = invocation.out, invocation.device
        return predictions_of(run, spec, classes, out=out, device=device, console=console)

    return open_audit(
        shows,
        claims.wanted(invocation),
        invocation.out,
        scores=scores,
        predictions=predictions,
        console=console,
    )


def _files(*typed: object) -> list[Path]:
    return [Path(str(name)) for name in typed if name is not None and os.path.isfile(str(name))]


def _refuse_overwriting(out: Path, files: list[Path], sheet: Path | None) -> None:
    """Raise UsageError where the audit or the sheet would overwrite an input."""
    from alfs_cli.audits.record import DOCUMENT, EXAMPLES, LOG

    targets = [Target("--out", out / name) for name in (DOCUMENT, LOG, EXAMPLES)]
    refuse_inputs(targets, files)
    if sheet is None:
        return
    if sheet.is_dir():
        raise UsageError(f"--sheet '{sheet}' is a folder", help="name a file: --sheet review.csv")
    if sheet.suffix.lower() not in (".csv", ".json"):
        raise UsageError(
            f"--sheet '{sheet}' is neither .csv nor .json",
            help="--sheet review.csv, or review.json for Label Studio",
        )
    names = {target.path.resolve() for target in targets}
    if sheet.resolve() in names:
        raise UsageError(f"--sheet '{sheet}' is the audit's own", help="name another file")


def _serve(
    invocation: Invocation,
    opened: "Opened",
    shows: "Exhibits",
    page: PageFlags,
    budget: int | None,
) -> None:
    """Serve the page until all claims are decided, the budget is spent, or the user stops it."""
    from alfs_cli.auditing.desk import Desk

    try:
        from alfs_cli.auditing.server import bound_socket, new_token
        from alfs_cli.auditing.serving import serve
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the page needs {error.name}",
            help="pip install 'alfs-cli[audit]', or do without a page: --sheet review.csv",
        ) from None
    desk = Desk(opened.record, shows, budget=budget)
    if desk.known().over is not None:
        return
    token, socket = new_token(), bound_socket(page.port)
    address = f"http://127.0.0.1:{socket.getsockname()[1]}/{token}/"
    invocation.console.rest()
    print(printable(f"the page is at {address}"), file=sys.stderr, flush=True)
    invocation.console.note("keep this running; Ctrl-C ends it, and nothing answered is lost")
    if not page.no_browser:
        _open(address)
    try:
        serve(desk, token, socket)
    except (Stopped, KeyboardInterrupt) as stopped:
        known = desk.close()
        raise Interrupted(
            f"stopped after {known.answers:,} answers, all of them saved",
            exit_code=stopped.exit_code if isinstance(stopped, Stopped) else 130,
            help="the same command goes on where it was",
        ) from None


def _open(address: str) -> None:
    """Open a browser, unless there is no display."""
    import webbrowser

    has_window = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if has_window:
        webbrowser.open(address)


def _conclude(
    invocation: Invocation,
    opened: "Opened",
    shows: "Exhibits",
    budget: int | None,
    *,
    is_awaited: bool,
    is_read: bool,
) -> None:
    """Save and publish the result; exit 1 unless all claims hold or a sheet awaits answers."""
    from alfs_cli.auditing.words import over
    from alfs_cli.audits.status import document, save_document, status
    from alfs_cli.reports.audit import audit_report

    record = opened.record
    now = status(record)
    save_document(record, now)
    left = len(record.draws.order) - now.answers
    why = over(now, budget, left)
    report = audit_report(
        now,
        document(record, now),
        name=shows.dataset.name,
        examples=len(record.examples),
        before=opened.before,
        over=why,
        budget=budget,
    )
    invocation.publish(report)
    invocation.console.note(f"wrote audit.json, audit.jsonl in {invocation.out}/")
    is_open = why is None and is_awaited and not now.is_rejected
    if is_open and is_read:
        invocation.console.note(
            "next: the same command with --sheet in place of --read asks for more, and without "
            "either the page does"
        )
    if now.is_rejected or (not now.is_decided and not is_open):
        raise typer.Exit(1)


def _verify(invocation: Invocation, shows: "Exhibits", path: Path) -> None:
    """Replay an audit and publish whether the result is the same; exit 1 where it differs."""
    from alfs_cli.auditing.paper import replayed
    from alfs_cli.reports.audit import verified_report

    different = replayed(path, shows)
    invocation.publish(verified_report(path, different))
    if different:
        raise typer.Exit(1)
