"""The options of `alfs estimate`, `alfs shard` and `alfs merge`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli.estimators import ESTIMATORS
from alfs_cli.evidence.encoders import spellings
from alfs_cli.storage.targets import Kept

if TYPE_CHECKING:
    from alfs_cli.estimating.options import EstimateOptions
    from alfs_cli.options.shared import Invocation


METHODS = tuple(ESTIMATORS)


@dataclass(frozen=True)
class CountedFlags:
    """The options of an estimate that need only counts: those of `alfs merge`."""

    confidence: Annotated[
        float, typer.Option("--confidence", help="Level of each one-sided bound.")
    ] = 0.95
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", help="Bootstrap replicates of the counts.")
    ] = 1000
    issue_threshold: Annotated[
        float,
        typer.Option(
            "--issue-threshold",
            min=0,
            max=1,
            help="Call listed labels likely wrong from this score on, others possibly.",
        ),
    ] = 0.5
    in_sample_ok: Annotated[
        bool, typer.Option("--in-sample-ok", help="Trust probabilities that look in-sample.")
    ] = False
    columns_as_given: Annotated[
        bool,
        typer.Option("--columns-as-given", help="Keep the order of columns that look permuted."),
    ] = False

    def read(self, invocation: "Invocation", *, use_cache: bool = False) -> "EstimateOptions":
        """Return the options as plain values for the core."""
        from alfs_cli.estimating.options import EstimateOptions

        values = asdict(self)
        values.pop("no_cache", None)
        if "encoder" in values:
            values["encoder"] = tuple(values["encoder"] or ())
        return EstimateOptions(
            resamples=values.pop("bootstrap"),
            seed=invocation.seed,
            device=invocation.device,
            cache=invocation.out / "cache" if use_cache else None,
            **values,
        )


@dataclass(frozen=True)
class EstimateFlags(CountedFlags):
    """The options of `alfs estimate`."""

    evidence: Annotated[
        str,
        typer.Option(
            "--evidence", help="auto, pred-probs, features, text, encoder, pixels or network."
        ),
    ] = "auto"
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            metavar="NAME",
            help=f"{', '.join(spellings()[:-1])} or {spellings()[-1]}. Of several the best is "
            "taken, or all side by side.",
        ),
    ] = None
    encoder_size: Annotated[
        int | None,
        typer.Option(
            "--encoder-size",
            metavar="N",
            help="Pixels a side of the pictures that encoders take; by default the model's own, "
            "and 96 for efficientnet-lite0 and 2.",
        ),
    ] = None
    download: Annotated[
        bool, typer.Option("--download", help="Fetch an encoder's weights if they are not here.")
    ] = False
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help=f"{', '.join(METHODS[:-1])} or {METHODS[-1]}.",
        ),
    ] = "auto"
    trusted: Annotated[
        Path | None,
        typer.Option(
            "--trusted",
            metavar="FILE",
            help="Examples with known true labels: a table of index and true_label, drawn at "
            "random (column probability: the chance of each); or issues.csv with decisions; or "
            "the audit.json of these data.",
        ),
        Kept(),
    ] = None
    prior_probs: Annotated[
        Path | None,
        typer.Option(
            "--prior-probs",
            metavar="FILE",
            help="Class probabilities (N, K) of a model that did not see these labels, such as a "
            "zero-shot one: a second evidence beside the own.",
        ),
    ] = None
    rows_as_given: Annotated[
        bool, typer.Option("--rows-as-given", help="Keep the order of rows that look out of step.")
    ] = False
    local: Annotated[
        bool, typer.Option("--local", help="Estimate the clean level of each example as well.")
    ] = False
    folds: Annotated[int, typer.Option("--folds", help="Folds of held-out scoring.")] = 5
    all_scores: Annotated[
        bool, typer.Option("--all-scores", help="Write the score of every label.")
    ] = False
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Recompute the evidence, not from the cache.")
    ] = False
    max_examples: Annotated[
        int | None,
        typer.Option(
            "--max-examples",
            min=2,
            metavar="N",
            help="Judge a random sample of N, stratified by label.",
        ),
    ] = None
    max_bad: Annotated[
        float,
        typer.Option(
            "--max-bad",
            metavar="SHARE",
            min=0,
            max=1,
            help="Share of the examples of a folder of features whose files may be unreadable.",
        ),
    ] = 0.0
