"""`alfs estimate DATA`: T, the clean level, the noise rate and the suspect labels."""

import time
from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.commands.data_options import DataOptions, OptionalData, PredProbs
from alfs_cli.errors import UsageError
from alfs_cli.invocation import Invocation, command

PICTURES = 48


@command
def estimate(
    invocation: Invocation,
    options: DataOptions,
    data: OptionalData = None,
    evidence: Annotated[
        str,
        typer.Option("--evidence", help="auto, pred-probs, features, encoder, pixels or network."),
    ] = "auto",
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder", metavar="NAME", help="efficientnet-lite0, or one of torchvision."
        ),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch an encoder's weights if they are not here.")
    ] = False,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="auto, confident, joint-ml, hoc, knn, anchor, dual-t, gold or annotators.",
        ),
    ] = "auto",
    trusted: Annotated[
        Path | None,
        typer.Option(
            "--trusted",
            metavar="FILE",
            help="Examples whose true labels are known: index and true_label, drawn at random; or "
            "issues.csv with decisions.",
        ),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="The clean level of single examples, too.")
    ] = False,
    folds: Annotated[int, typer.Option("--folds", help="Folds of held-out scoring.")] = 5,
    confidence: Annotated[
        float, typer.Option("--confidence", help="Level of each one-sided bound.")
    ] = 0.95,
    bootstrap: Annotated[int, typer.Option("--bootstrap", help="Resamples of the counts.")] = 1000,
    issue_threshold: Annotated[
        float, typer.Option("--issue-threshold", min=0, max=1, help="List labels scored above it.")
    ] = 0.5,
    all_scores: Annotated[
        bool, typer.Option("--all-scores", help="List every label with its score.")
    ] = False,
    in_sample_ok: Annotated[
        bool, typer.Option("--in-sample-ok", help="Trust probabilities that look in-sample.")
    ] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Make the evidence anew.")] = False,
    pred_probs: PredProbs = None,
) -> None:
    """Estimate how noisy the labels are: T, the clean level, suspects, with bounds and trust.

    Writes estimate.json, transition.csv, issues.csv and issues.parquet under --out.
    """
    started = time.perf_counter()
    if data is None and (pred_probs is None or options.labels is None):
        raise UsageError(
            "nothing to judge", help="give DATA, or --pred-probs FILE together with --labels FILE"
        )
    from alfs_cli.auditing import audit
    from alfs_cli.reports.estimate import estimate_report

    found = audit(
        invocation,
        options.spec(data, pred_probs=pred_probs),
        evidence=evidence,
        method=method,
        folds=folds,
        confidence=confidence,
        resamples=bootstrap,
        issue_threshold=issue_threshold,
        all_scores=all_scores,
        in_sample_ok=in_sample_ok,
        use_cache=not no_cache,
        encoder=encoder,
        download=download,
        trusted=trusted,
        with_local=local,
        started=started,
    )
    found.save(invocation.out)
    wants_pictures = "html" in (invocation.format, *(form for form, _ in invocation.outputs))
    pictures = found.pictures(PICTURES) if wants_pictures else ()
    invocation.publish(estimate_report(found.estimate, findings=found.findings, pictures=pictures))
    names = "estimate.json, transition.csv, issues.csv, issues.parquet"
    invocation.note(
        f"wrote {names} in {invocation.out}{'/' if invocation.out != Path('.') else ''}"
    )
    out = "" if invocation.out == Path("alfs-out") else f" {invocation.out / 'estimate.json'}"
    invocation.note(f"next: alfs recommend{out}")
