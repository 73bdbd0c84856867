"""`alfs demo`: a tour of the commands on real data whose true labels are known."""

from pathlib import Path

from alfs_cli.options.shared import Invocation, command


@command
def demo(invocation: Invocation) -> None:
    """Take the whole tour on real digits: inject noise, estimate, recommend, train, compare.

    It runs offline, without a GPU, in under a minute, and writes to demo/ under --out.
    """
    from alfs_cli.demo import run_demo
    from alfs_cli.formats import render
    from alfs_cli.reports.demo import demo_page, demo_report
    from alfs_cli.storage.writing import write_text

    made = run_demo(
        invocation.out / "demo",
        invocation.console,
        seed=invocation.seed,
        device=invocation.device,
    )
    write_text(Path(made.summary.page), render(demo_page(made), "html"))
    invocation.publish(demo_report(made))
    invocation.console.note("next: alfs estimate path/to/your/images")
