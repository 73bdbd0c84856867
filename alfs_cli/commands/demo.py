"""`alfs demo`: a tour of the commands on real data whose true labels are known."""

from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.options.shared import Invocation, command


@command
def demo(
    invocation: Invocation,
    *,
    text: Annotated[
        bool,
        typer.Option(
            "--text", help="Estimate on texts, docstrings of Python's library; nothing is trained."
        ),
    ] = False,
) -> None:
    """Take the whole tour on real digits: inject noise, estimate, recommend, train, compare.

    It runs offline, without a GPU, in under a minute, and writes to demo/ under --out.
    """
    from alfs_cli.demo import run_demo, run_text_demo
    from alfs_cli.formats import render
    from alfs_cli.reports.demo import demo_page, demo_report, text_demo_page, text_demo_report
    from alfs_cli.storage.writing import write_text

    if text:
        told = run_text_demo(invocation.out / "demo", invocation.console, seed=invocation.seed)
        write_text(Path(told.summary.page), render(text_demo_page(told), "html"))
        invocation.publish(text_demo_report(told))
        invocation.console.note("next: alfs estimate path/to/your/texts.csv")
        return
    made = run_demo(
        invocation.out / "demo",
        invocation.console,
        seed=invocation.seed,
        device=invocation.device,
    )
    write_text(Path(made.summary.page), render(demo_page(made), "html"))
    invocation.publish(demo_report(made))
    invocation.console.note("next: alfs estimate path/to/your/images")
