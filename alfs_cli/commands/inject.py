"""`alfs inject`: write a copy of the labels with injected noise, for experiments."""

from pathlib import Path
from typing import Annotated

import typer

from alfs_cli import __version__
from alfs_cli.options.data import Data, DataOptions
from alfs_cli.options.shared import Invocation, command
from alfs_cli.storage.targets import Writes


@command
def inject(
    invocation: Invocation,
    options: DataOptions,
    data: Data,
    to: Annotated[
        Path,
        typer.Option(
            "--to",
            metavar="FILE",
            help="Where to write it: .csv or .tsv for files, .npz for arrays.",
            show_default=False,
        ),
        Writes(),
    ],
    noise: Annotated[
        str,
        typer.Option(
            "--noise",
            metavar="KIND|FILE",
            help="symmetric, asymmetric, pair, block, instance, or a file with T.",
        ),
    ] = "symmetric",
    rate: Annotated[
        float | None,
        typer.Option("--rate", min=0, max=1, help="Share of labels to flip.", show_default=False),
    ] = None,
    draw: Annotated[
        str,
        typer.Option(
            "--draw", help="exact: exact counts in each class; sampled: each label by itself."
        ),
    ] = "exact",
) -> None:
    """Write a copy of the labels with noise in them; images are never touched.

    The noise starts from the true labels where they are known, else from the given ones.
    """
    spec = options.spec(data)
    import numpy as np

    from alfs_cli.copies.noisy import noisy_copy, summary, write_copy
    from alfs_cli.data import in_words, load
    from alfs_cli.reports.inject import inject_report

    dataset = load(spec, is_screened=False)
    for note in dataset.notes:
        invocation.console.note(note)
    for text in in_words(dataset.problems):
        invocation.console.warn(text)
    generator = np.random.default_rng(invocation.seed)
    copy = noisy_copy(dataset, noise, rate, draw=draw, generator=generator)  # type: ignore[arg-type]
    for note in write_copy(copy, to, read=[Path(noise)]):
        invocation.console.warn(note)
    result = summary(
        copy, to, version=__version__, seed=invocation.seed, noise=noise, rate=rate, draw=draw
    )
    invocation.publish(inject_report(result))
