"""`alfs estimate DATA`: T, the clean level, the noise rate and the suspect labels."""

import time
from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.errors import UsageError
from alfs_cli.options.data import DataOptions, OptionalData, PredProbs
from alfs_cli.options.shared import Invocation, command
from alfs_cli.storage.targets import Kept, Writes, keep_decisions

PICTURES = 48
SHARDS = "Probabilities too large for one run"
COUNTED = ("auto", "confident")


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
        Kept(),
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
    columns_as_given: Annotated[
        bool,
        typer.Option("--columns-as-given", help="Take columns that look permuted as they are."),
    ] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Make the evidence anew.")] = False,
    max_examples: Annotated[
        int | None,
        typer.Option(
            "--max-examples", min=2, metavar="N", help="Judge a sample of N, drawn by label."
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            help="Read only part I of N of the probabilities, into --stats.",
            rich_help_panel=SHARDS,
        ),
    ] = None,
    stats: Annotated[
        Path | None,
        typer.Option(
            "--stats", metavar="FILE", help="Where --shard writes.", rich_help_panel=SHARDS
        ),
        Writes(),
    ] = None,
    merge: Annotated[
        list[Path] | None,
        typer.Option(
            "--merge",
            metavar="FILE",
            help="Estimate from the --stats of all shards; repeatable, or several after one.",
            rich_help_panel=SHARDS,
        ),
    ] = None,
    pred_probs: PredProbs = None,
) -> None:
    """Estimate how noisy the labels are: T, the clean level, suspects, with bounds and trust.

    Writes estimate.json, transition.csv, issues.csv and issues.parquet under --out.
    """
    started = time.perf_counter()
    if (shard is None) != (stats is None):
        raise UsageError(
            "--shard and --stats go together", help="for example --shard 1/4 --stats 1.npz"
        )
    typed = [data, pred_probs, shard, *options.named().values()]
    if merge and any(value is not None for value in typed):
        raise UsageError(
            "--merge reads the files of --stats and nothing else",
            help="alfs estimate --merge 1.npz 2.npz",
        )
    in_passes = shard is not None or bool(merge)
    is_fitted = all_scores or local or max_examples is not None or trusted is not None
    if in_passes and (is_fitted or method not in COUNTED):
        raise UsageError(
            "shards are counted, not fitted: --method confident, no --all-scores, --local, "
            "--trusted or --max-examples",
            help="leave those options out, or judge all in one run: alfs estimate DATA",
        )
    is_more = data is not None or options.features is not None or options.true_labels is not None
    if in_passes and not merge and (is_more or pred_probs is None):
        raise UsageError(
            "shards are made of probabilities and labels alone",
            help="--pred-probs FILE --labels FILE",
        )
    is_bare = options.labels is None and (pred_probs or ".npy").endswith(".npy")
    if not merge and data is None and is_bare:
        raise UsageError(
            "nothing to judge", help="give DATA, or --pred-probs FILE together with --labels FILE"
        )
    from alfs_cli.estimating.in_passes import (
        estimate_merged,
        estimate_streamed,
        is_streamed,
        write_stats,
    )
    from alfs_cli.reports.estimate import estimate_report

    spec = options.spec(data, pred_probs=pred_probs)
    if shard is not None and stats is not None:
        count = write_stats(invocation, spec, shard, stats)
        invocation.note(f"wrote {stats}: shard {shard}, {count:,} rows")
        invocation.note("next: alfs estimate --merge with the files of all shards")
        return
    counted = {
        "confidence": confidence,
        "resamples": bootstrap,
        "issue_threshold": issue_threshold,
        "in_sample_ok": in_sample_ok,
        "columns_as_given": columns_as_given,
    }
    if merge:
        streamed = estimate_merged(invocation, merge, started=started, **counted)
    elif not is_fitted and is_streamed(spec, method):
        invocation.note("note: read in passes and counted; --max-examples N fits a sample instead")
        streamed = estimate_streamed(invocation, spec, started=started, **counted)
    else:
        streamed = None
    if streamed is not None:
        streamed.save(invocation.out)
        invocation.publish(estimate_report(streamed.estimate))
        _say_what_next(invocation)
        return
    from alfs_cli.estimating.in_memory import audit

    found = audit(
        invocation,
        spec,
        evidence=evidence,
        method=method,
        folds=folds,
        confidence=confidence,
        resamples=bootstrap,
        issue_threshold=issue_threshold,
        all_scores=all_scores,
        in_sample_ok=in_sample_ok,
        max_examples=max_examples,
        use_cache=not no_cache,
        encoder=encoder,
        download=download,
        trusted=trusted,
        with_local=local,
        columns_as_given=columns_as_given,
        started=started,
    )
    copy = None if trusted is None else keep_decisions(trusted, invocation.out)
    found.save(invocation.out)
    if copy is not None:
        invocation.note(f"note: {trusted} was written anew; its decisions are kept in {copy}")
    wants_pictures = "html" in (invocation.format, *(form for form, _ in invocation.outputs))
    pictures = found.pictures(PICTURES) if wants_pictures else ()
    invocation.publish(estimate_report(found.estimate, findings=found.findings, pictures=pictures))
    _say_what_next(invocation)


def _say_what_next(invocation: Invocation) -> None:
    names = "estimate.json, transition.csv, issues.csv, issues.parquet"
    invocation.note(
        f"wrote {names} in {invocation.out}{'/' if invocation.out != Path('.') else ''}"
    )
    invocation.note(f"next: alfs recommend{invocation.out_words}")
