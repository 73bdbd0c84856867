"""`alfs shard --pred-probs FILE --shard I/N --to FILE`: a part of what `alfs merge` reads."""

from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.errors import UsageError
from alfs_cli.options.data import PredProbs, ReadingOptions
from alfs_cli.options.shared import Invocation, command
from alfs_cli.storage.targets import Writes


@command
def shard(
    invocation: Invocation,
    options: ReadingOptions,
    shard: Annotated[
        str,
        typer.Option("--shard", metavar="I/N", help="Which part, such as 1/4; all N are needed."),
    ],
    to: Annotated[
        Path,
        typer.Option("--to", "--stats", metavar="FILE", help="Where its statistics go, an .npz."),
        Writes(),
    ],
    pred_probs: PredProbs = None,
) -> None:
    """Read one part of probabilities too many for one machine, for `alfs merge`.

    What is written is small, whatever the number of rows; all parts merged are exactly the estimate
    of one pass over everything.
    """
    if pred_probs is None or options.true_labels is not None:
        raise UsageError(
            "shards are made of probabilities and labels alone",
            help="alfs shard --pred-probs FILE --labels FILE --shard 1/4 --to 1.npz",
        )
    if options.labels is None and pred_probs.endswith(".npy"):
        raise UsageError("the probabilities have no labels", help="give --labels FILE")
    from alfs_cli.estimating.shards import write_shard

    spec = options.spec(None, pred_probs=pred_probs)
    count = write_shard(spec, shard, to, invocation.console)
    invocation.console.note(f"wrote {to}: shard {shard}, {count:,} rows")
    invocation.console.note("next: alfs merge with the files of all shards")
