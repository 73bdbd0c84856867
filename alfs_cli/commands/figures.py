"""`alfs figures`: the paper's figures with their numbers, of theory and of trained runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from alfs_cli.errors import UsageError, unknown
from alfs_cli.options.data import ReadingOptions
from alfs_cli.options.shared import Invocation, command

if TYPE_CHECKING:
    from alfs_cli.figures import Drawable

OF_RUNS = ("tsne", "fig5", "fig7", "fig8")
"""t-SNE of trained runs; the numbers are those of the paper's figures that show it."""

OF_MATRICES = "fig6"
OF_SWEEP = "fig3"


@command
def figures(
    invocation: Invocation,
    *,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME... | fig3 | tsne RUN...",
            help="fig1, fig2, fig4 or fig6, by default all of these; or fig3 --from SWEEP; or tsne "
            "(fig5, fig7, fig8) with runs or sweeps by folder or id.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE|SWEEP",
            help="With fig6: an estimate.json; its T, beside the true one if that is known. With "
            "fig3: a sweep, by folder or id.",
        ),
    ] = None,
    transition: Annotated[
        list[Path] | None,
        typer.Option(
            "--transition",
            metavar="FILE",
            help="With fig6: a T to draw, as .csv or .npy; repeatable.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="With tsne: the examples; by default the test data of the run.",
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="With tsne: test, or train for the data that the run was trained on, where wrong "
            "labels are marked; by default test.",
        ),
    ] = None,
    options: ReadingOptions,
) -> None:
    """Draw the paper's figures under --out as PNG and SVG, with the numbers as CSV.

    fig1: calibration curves; fig2: the minimiser of the risk by loss parameter; fig3: accuracy by
    epoch and loss parameter; fig4: the losses; fig6: transition matrices; tsne, or fig5, fig7,
    fig8: features of trained runs.
    """
    chosen = words or []
    if chosen and chosen[0] in OF_RUNS:
        _refuse_given({"--from": source, "--transition": transition}, f"{chosen[0]} takes runs")
        _draw_runs(invocation, chosen[0], chosen[1:], data, part, options)
        return
    of_tsne = {"--data": data, "--part": part, **_typed(options)}
    _refuse_given(of_tsne, "these figures show no data")
    if chosen == [OF_SWEEP]:
        _refuse_given({"--transition": transition}, "fig3 shows a sweep")
        _draw_sweep(invocation, source)
        return
    _draw_theory(invocation, chosen, source, transition or [])


def _typed(options: ReadingOptions) -> dict[str, Any]:
    return {f"--{name}": value for name, value in options.typed().items()}


def _refuse_given(values: dict[str, Any], reason: str) -> None:
    """Raise UsageError where one of the options is given."""
    given = next((name for name, value in values.items() if value), None)
    if given is not None:
        raise UsageError(
            f"{given} is given, and {reason}",
            help="--from goes with fig3 or fig6, --transition with fig6, options of data with "
            "tsne: alfs figures -h",
        )


def _draw_theory(
    invocation: Invocation, names: list[str], source: str | None, files: list[Path]
) -> None:
    """Draw figures that need no run."""
    from alfs_cli.figures import FIGURES, save_all
    from alfs_cli.reports.figures import figures_report

    for name in names:
        if name in OF_RUNS:
            raise UsageError(
                f"'{name}' is named beside other figures", help=f"alfs figures {name} RUN..."
            )
        if name == OF_SWEEP:
            raise UsageError(
                f"'{name}' is named beside other figures",
                help="alone it takes its sweep: alfs figures fig3 --from SWEEP",
            )
        if name not in FIGURES:
            raise unknown("figure", name, sorted((*FIGURES, OF_SWEEP, *OF_RUNS)))
    _check_sources(names, source, files)
    folder = invocation.out / "figures"
    chosen = list(dict.fromkeys(names or FIGURES))
    made = {}
    with invocation.console.progress() as report:
        for done, name in enumerate(chosen, 1):
            figure = _figure(invocation, name, source, files)
            made[name] = save_all(name, figure, folder)
            report("figures", done, len(chosen))
    invocation.publish(figures_report(made))


def _check_sources(names: list[str], source: str | None, files: list[Path]) -> None:
    """Raise UsageError where --from or --transition do not go with the figures named."""
    if OF_MATRICES not in names:
        _refuse_given({"--from": source, "--transition": files}, "fig6 is not named")
    if files and source is not None:
        raise UsageError(
            "--from and --transition each name what fig6 draws", help="leave one of them out"
        )


def _figure(invocation: Invocation, name: str, source: str | None, files: list[Path]) -> "Drawable":
    """Return the numbers of a figure."""
    from alfs_cli.figures import FIGURES
    from alfs_cli.figures.matrices import from_files, of_estimate
    from alfs_cli.results.estimate import load_estimate

    if name == OF_MATRICES and files:
        return from_files(files)
    if name == OF_MATRICES and source is not None:
        estimate = load_estimate(Path(source))
        if estimate.truth is None:
            invocation.console.note(f"'{source}' knows no true T: the estimated one is drawn alone")
        return of_estimate(estimate)
    return FIGURES[name]()


def _draw_sweep(invocation: Invocation, source: str | None) -> None:
    """Draw the accuracy over epochs of a sweep, by the parameters of its losses."""
    from alfs_cli.results.sweep import sweep_folder

    if source is None:
        raise UsageError(
            "fig3 shows the runs of a sweep, and none is named",
            help="alfs figures fig3 --from SWEEP, the folder or id that `alfs sweep --grid` prints",
        )
    folder = sweep_folder(source, invocation.out)
    invocation.refuse_inputs(folder)
    from alfs_cli.figures.figure import save_all
    from alfs_cli.figures.parameters import of_sweep
    from alfs_cli.reports.figures import figures_report

    figure, settings = of_sweep(folder)
    paths = save_all(OF_SWEEP, figure, invocation.out / "figures")
    invocation.publish(figures_report({OF_SWEEP: paths}, settings=settings))


def _draw_runs(
    invocation: Invocation,
    name: str,
    names: list[str],
    data: str | None,
    part: str | None,
    options: ReadingOptions,
) -> None:
    """Draw the penultimate features of trained runs by t-SNE."""
    if not names:
        raise UsageError(
            f"{name} shows trained runs, and none is named",
            help=f"alfs figures {name} RUN..., by the folder or id that `alfs train` prints",
        )
    chosen = _part(data, part)
    if data is None:
        _refuse_given(_typed(options), "no data are named")
    from alfs_cli.figures.embedding import shown_run, t_sne
    from alfs_cli.figures.figure import save_all
    from alfs_cli.figures.penultimate import represent
    from alfs_cli.reports.figures import figures_report
    from alfs_cli.results.sweep import finished_runs
    from alfs_cli.training.devices import choose_device

    device = choose_device(invocation.device)
    folders = finished_runs(names, invocation.out)
    invocation.refuse_inputs(*folders)
    spec = None if data is None else options.spec(data)
    with invocation.console.progress() as report:
        represented = []
        for done, folder in enumerate(folders, 1):
            represented.append(
                represent(
                    folder,
                    spec,
                    chosen,
                    device,
                    seed=invocation.seed,
                    cache=invocation.out / "cache",
                    on_note=invocation.console.note,
                )
            )
            report("runs", done, len(folders))
    if not all(one.is_true for one in represented):
        invocation.console.note(
            "the true labels are not known: colours and numbers are of the given ones"
        )
    with invocation.console.working("t-SNE"):
        figure, apart = t_sne(represented, seed=invocation.seed)
    paths = save_all(name, figure, invocation.out / "figures")
    shown = [shown_run(one, found) for one, found in zip(represented, apart, strict=True)]
    invocation.publish(figures_report({name: paths}, shown))


def _part(data: str | None, part: str | None) -> Literal["test", "train"]:
    if part not in (None, "test", "train"):
        raise unknown("part", part, ("test", "train"))
    if part is not None and data is not None:
        raise UsageError(
            "--data and --part each say which examples are drawn", help="leave one of them out"
        )
    return "train" if part == "train" else "test"
