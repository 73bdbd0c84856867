"""`alfs demo`: the whole tour on real data, with the truth beside it."""

import time

from alfs_cli.invocation import Invocation, command


@command
def demo(invocation: Invocation) -> None:
    """Take the whole tour on real digits: inject noise, estimate, recommend, train, compare.

    Offline, no GPU, under a minute. Everything it makes lies in demo/ under --out.
    """
    started = time.perf_counter()
    from alfs_cli.demo import NOISE, RATE, DemoSummary, run_demo
    from alfs_cli.documents import write_text
    from alfs_cli.formats import render
    from alfs_cli.reports.demo import demo_page, demo_report

    folder = invocation.out / "demo"
    made = run_demo(invocation, folder, invocation.note)
    estimate, truth = made.found.estimate, made.found.estimate.truth
    assert truth is not None
    best = made.advice.recommendations[0] if made.advice.recommendations else None
    page = folder / "report.html"
    summary = DemoSummary(
        noise=NOISE,
        rate=RATE,
        seed=invocation.seed,
        n=estimate.data.n,
        n_test=made.n_test,
        noise_rate={"estimated": estimate.noise_rate.value, "true": truth.noise_rate},
        clean_level={"estimated": estimate.clean_level.value, "true": truth.clean_level},
        row_tv=truth.row_tv,
        suspects=made.suspects(),
        recommended=best.loss if best else None,
        margin=best.margin if best else None,
        trained=made.trained,
        page=page.as_posix(),
        seconds=time.perf_counter() - started,
    )
    write_text(page, render(demo_page(made, summary), "html"))
    invocation.publish(demo_report(made, summary))
    invocation.note("next: alfs estimate path/to/your/images")
