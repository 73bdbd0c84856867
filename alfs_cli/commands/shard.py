"""`alfs shard --pred-probs FILE --shard I/N --to FILE`: statistics for `alfs merge`."""

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
        typer.Option(
            "--shard", metavar="I/N", help="The part to count, such as 1/4; merge needs all."
        ),
    ],
    to: Annotated[
        Path,
        typer.Option(
            "--to", "--stats", metavar="FILE", help="The .npz to write the statistics to."
        ),
        Writes(),
    ],
    pred_probs: PredProbs = None,
) -> None:
    """Count one part of a file of probabilities too large for one machine, for `alfs merge`.

    The statistics are small whatever the number of rows. All parts merged give exactly the estimate
    of a single pass over all rows.
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
