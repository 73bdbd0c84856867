"""`alfs report ESTIMATE|RUN|SWEEP|AUDIT`: an HTML page of saved results, to hand over."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli.errors import UsageError
from alfs_cli.options.shared import Invocation, command

if TYPE_CHECKING:
    from alfs_cli.formats.blocks import Report

PAGE, AUDIT_PAGE, FIFTYONE = "report.html", "audit.html", "fiftyone"
PAIRS = 5  # pairs of identical pictures under different labels, the most shown


@command
def report(
    invocation: Invocation,
    *,
    saved: Annotated[
        str | None,
        typer.Argument(
            metavar="ESTIMATE|RUN|SWEEP|AUDIT",
            help="An estimate.json or audit.json, or a run or sweep by folder or id; by default "
            "the estimate under --out, else the audit.",
            show_default=False,
        ),
    ] = None,
    gallery: Annotated[
        int,
        typer.Option(
            "--gallery",
            min=0,
            metavar="N",
            help="Pictures of the N worst suspects, where the images are still there, or texts.",
        ),
    ] = 60,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="Show no picture or text: for confidential data.")
    ] = False,
) -> None:
    """Write a self-contained page about an estimate, a run, a sweep or an audit.

    It is written to report.html beside those results, an audit's to audit.html, unless -f or -o is
    given. -f fiftyone lists the pictures of an estimate with their labels and what was found, for
    FiftyOne to import.
    """
    from alfs_cli.formats import render
    from alfs_cli.results.saved import find_saved
    from alfs_cli.storage.writing import write_text

    kind, place = find_saved(saved, invocation.out)
    invocation.refuse_inputs(place, place.with_name("recommendation.json"))
    if kind == "estimate":
        page = _estimate(place, 0 if no_images else gallery)
    elif kind == "audit":
        page = _audit(place)
    elif kind == "run":
        page = _run(place)
    else:
        page = _sweep(place, invocation.out)
    if FIFTYONE in (invocation.format, *(format for format, _ in invocation.outputs)):
        page = _with_samples(page, kind, place)
    if invocation.format == "text" and not invocation.outputs:
        folder = place.parent if kind in ("estimate", "audit") else place
        path = folder / (AUDIT_PAGE if kind == "audit" else PAGE)  # both may be of one folder
        write_text(path, render(page, "html"))
        invocation.console.note(f"page {path.as_posix()}")
    invocation.publish(page)


def _estimate(path: Path, gallery: int) -> "Report":
    from alfs_cli.reports.gallery import Suspects, suspects_of
    from alfs_cli.reports.pages import estimate_page
    from alfs_cli.results.estimate import load_estimate
    from alfs_cli.results.saved import advice_beside, check_beside

    estimate = load_estimate(path)
    pairs = min(PAIRS, gallery)
    suspects = suspects_of(path, estimate, count=gallery, num_pairs=pairs) if gallery else None
    return estimate_page(
        estimate,
        folder=path.parent,
        advice=advice_beside(path, estimate),
        checked=check_beside(path),
        suspects=suspects or Suspects(),
    )


def _with_samples(page: "Report", kind: str, path: Path) -> "Report":
    from alfs_cli.reports.samples import samples_of
    from alfs_cli.results.estimate import load_estimate

    if kind != "estimate":
        raise UsageError(f"-f {FIFTYONE} is for an estimate", help="alfs report ESTIMATE")
    return replace(page, samples=samples_of(path, load_estimate(path)))


def _audit(path: Path) -> "Report":
    from alfs_cli.auditing.words import over
    from alfs_cli.audits.reading import read_audit
    from alfs_cli.audits.status import status
    from alfs_cli.reports.audit_page import audit_page

    record = read_audit(path)
    now = status(record)
    why = over(now, None, len(record.draws.order) - now.answers)
    return audit_page(record, now, over=why, file=path)


def _run(folder: Path) -> "Report":
    from alfs_cli.reports.pages import run_page
    from alfs_cli.results.run import load_config, load_metrics, load_run

    return run_page(load_run(folder), load_metrics(folder), load_config(folder))


def _sweep(folder: Path, out: Path) -> "Report":
    from alfs_cli.comparing import compare, courses, find_runs
    from alfs_cli.reports.pages import sweep_page
    from alfs_cli.results.sweep import load_sweep

    runs = find_runs([folder.as_posix()], out)
    return sweep_page(load_sweep(folder), folder, compare(runs), courses(runs))
