"""`alfs predict`: write a run's probabilities or features of any data to a file."""

from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.commands.evaluate import Run
from alfs_cli.options.data import Data, ReadingOptions
from alfs_cli.options.shared import Invocation, command
from alfs_cli.options.workers import WorkerFlags
from alfs_cli.storage.targets import Writes

SUFFIXES = (".npz", ".parquet")


@command
def predict(
    invocation: Invocation,
    *,
    run: Run,
    data: Data,
    options: ReadingOptions,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FILE", help="An .npz or .parquet; by default an .npz under --out."
        ),
        Writes(),
    ] = None,
    features: Annotated[
        bool,
        typer.Option("--features", help="Penultimate features instead of probabilities."),
    ] = False,
    cross_val: Annotated[
        int | None,
        typer.Option(
            "--cross-val",
            metavar="K",
            min=2,
            help="Train K networks on DATA, each without one part, and predict that part: "
            "out-of-fold probabilities.",
        ),
    ] = None,
    workers: WorkerFlags,
) -> None:
    """Write class probabilities (N, K) of DATA, in its order.

    --cross-val uses the run's settings, not its network. An .npz holds an array `pred_probs` or
    `features`, a parquet file columns p_<class> or f_<number>; both hold the given labels too.
    """
    from alfs_cli.errors import UsageError

    kind = "features" if features else "pred_probs"
    path = to or invocation.out / f"{kind}.npz"
    if path.suffix not in SUFFIXES or path.is_dir():
        raise UsageError(f"--to '{path}' is no .npz or .parquet file", help="--to probs.npz")
    if features and cross_val is not None:
        raise UsageError(
            "--features and --cross-val are both given",
            help="features of different networks do not compare; leave one of them out",
        )
    if workers.executor != "local" and cross_val is not None:
        raise UsageError("--cross-val trains networks in this process", help="leave --executor out")
    spec, out, console = options.spec(data), invocation.out, invocation.console
    from alfs_cli.predicting.outputs import out_of_fold_outputs, outputs_of, write_outputs
    from alfs_cli.reports.run import prediction_report
    from alfs_cli.results.run import find_run

    folder = find_run(run, invocation.out)
    invocation.refuse_inputs(folder)
    device = invocation.device
    if cross_val is None:
        cache = out / "cache"
        with workers.begun(invocation) as hired:
            outputs = outputs_of(
                folder,
                spec,
                kind=kind,
                device=device,
                cache=cache,
                console=console,
                workers=None if workers.executor == "local" else hired,
            )
    else:
        outputs = out_of_fold_outputs(
            folder, spec, cross_val, device=device, out=out, console=console
        )
    write_outputs(path, outputs)
    invocation.publish(prediction_report(folder.as_posix(), outputs, path, folds=cross_val))
