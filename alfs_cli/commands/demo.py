"""`alfs demo`: the whole tour on real data, with the truth beside it."""

from pathlib import Path

from alfs_cli.options.shared import Invocation, command


@command
def demo(invocation: Invocation) -> None:
    """Take the whole tour on real digits: inject noise, estimate, recommend, train, compare.

    Offline, no GPU, under a minute. Everything it makes lies in demo/ under --out.
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
