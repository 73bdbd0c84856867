"""`alfs inject`: a noisy copy of the labels, for rehearsals and experiments."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli import __version__
from alfs_cli.commands.data_options import (
    Classes,
    Data,
    FeaturesFile,
    LabelColumn,
    Labels,
    PathColumn,
    Root,
    Split,
    TrueLabelColumn,
    TrueLabels,
)
from alfs_cli.invocation import Invocation, command

if TYPE_CHECKING:
    from alfs_cli.noisy_copy import CopySummary
    from alfs_cli.report import Report


@command
def inject(
    invocation: Invocation,
    data: Data,
    to: Annotated[
        Path,
        typer.Option(
            "--to",
            metavar="FILE",
            help="Where to write it: .csv or .tsv for files, .npz for arrays.",
            show_default=False,
        ),
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
        typer.Option("--draw", help="exact counts in each class, or sampled one by one."),
    ] = "exact",
    split: Split = None,
    labels: Labels = None,
    true_labels: TrueLabels = None,
    features: FeaturesFile = None,
    label_column: LabelColumn = None,
    path_column: PathColumn = None,
    true_label_column: TrueLabelColumn = None,
    classes: Classes = None,
    root: Root = None,
) -> None:
    """Write a copy of the labels with noise in them; images are never touched.

    True labels, where they are known, are what the noise starts from.
    """
    import numpy as np

    from alfs_cli.data import DataSpec, load
    from alfs_cli.noisy_copy import noisy_copy, summary, write_copy

    dataset = load(
        DataSpec(
            source=data,
            split=split,
            labels=labels,
            true_labels=true_labels,
            features=features,
            label_column=label_column,
            path_column=path_column,
            true_label_column=true_label_column,
            classes=classes,
            root=root,
        )
    )
    for note in dataset.notes:
        invocation.note(note)
    for problem in dataset.problems:
        invocation.warn(f"{problem.message} ({problem.rule})")
    generator = np.random.default_rng(invocation.seed)
    copy = noisy_copy(dataset, noise, rate, draw=draw, generator=generator)  # type: ignore[arg-type]
    for note in write_copy(copy, to):
        invocation.warn(note)
    result = summary(
        copy, to, version=__version__, seed=invocation.seed, noise=noise, rate=rate, draw=draw
    )
    invocation.publish(inject_report(result))


def inject_report(result: "CopySummary") -> "Report":
    """Say what was flipped and where it was written."""
    from alfs_cli.documents import to_document
    from alfs_cli.noisy_copy import SCHEMA
    from alfs_cli.report import Column, Facts, Report, Table, Verdict, percent, ratio

    part = f", split {result.split}" if result.split else ""
    facts = (
        ("data", f"{result.source}{part}: {result.n:,} examples, {len(result.classes)} classes"),
        ("noise", f"{result.noise}, {result.draw} draw, seed {result.seed}"),
        ("noise rate", f"{percent(result.realised_rate)} (T: {percent(result.noise_rate)})"),
        (
            "clean level",
            f"{ratio(result.realised_clean_level)} (T: {ratio(result.clean_level)})",
        ),
        ("written", result.file),
        *((("T", result.transition_file),) if result.transition_file else ()),
    )
    flips = sorted(
        (
            (-count, result.classes[i], result.classes[j], count / max(1, sum(row)))
            for i, row in enumerate(result.counts)
            for j, count in enumerate(row)
            if i != j and count
        ),
    )
    rows = tuple((true, given, -count, share) for count, true, given, share in flips[:10])
    table = Table(
        title="most frequent flips",
        columns=(
            Column("true"),
            Column("given"),
            Column("examples", "count"),
            Column("of the class", "percent"),
        ),
        rows=rows,
        note="" if len(flips) <= 10 else f"{len(flips) - 10} more kinds of flips",
    )
    return Report(
        title=f"noisy copy of {result.source}",
        blocks=(
            Verdict("info", f"{result.flipped:,} of {result.n:,} labels flipped"),
            Facts(facts),
            *((table,) if rows else ()),
        ),
        document=to_document(SCHEMA, result),
    )
