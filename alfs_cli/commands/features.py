"""`alfs features DATA --to DIR`: features of every example, in files that can be resumed."""

from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.evidence.encoders import spellings
from alfs_cli.options.data import DataOptions, OptionalData
from alfs_cli.options.shared import Invocation, command
from alfs_cli.options.workers import MaxBad, WorkerFlags


@command
def features(
    invocation: Invocation,
    options: DataOptions,
    *,
    data: OptionalData = None,
    to: Annotated[
        Path,
        typer.Option("--to", metavar="DIR", help="The folder to write to, or to go on with."),
    ],
    shard: Annotated[
        str,
        typer.Option("--shard", metavar="I/N", help="Make one part of the files, such as 1/4."),
    ] = "1/1",
    encoder: Annotated[
        str | None, typer.Option("--encoder", metavar="NAME", help=f"{', '.join(spellings())}.")
    ] = None,
    encoder_size: Annotated[
        int | None,
        typer.Option("--encoder-size", metavar="N", help="Pixels a side of the pictures."),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch an encoder's weights if they are not here.")
    ] = False,
    max_bad: MaxBad = 0.01,
    workers: WorkerFlags,
) -> None:
    """Write features of pictures, texts or a table as Parquet, for data too large for memory.

    The same command goes on where it was stopped: files that are whole are left as they are.
    Several machines make the shards of one folder. `alfs estimate DIR` judges it.
    """
    spec = options.spec(data)
    from alfs_cli.estimating.features import make_features
    from alfs_cli.evidence.representations import EncoderChoice
    from alfs_cli.reports.features import features_report

    names = () if encoder is None else (encoder,)
    choice = EncoderChoice(names, encoder_size, download, invocation.device)
    with workers.begun(invocation) as hired:
        made = make_features(
            spec, choice, to, hired, invocation.console, shard=shard, max_bad=max_bad
        )
    invocation.publish(features_report(to, made))
    if made.is_complete:
        invocation.console.note(f"next: alfs estimate {to}{invocation.out_words}")
    else:
        invocation.console.note("next: the other shards, then alfs estimate DIR")
