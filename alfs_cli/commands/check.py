"""`alfs check DATA | ESTIMATE`: the CI gate."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.commands.data_options import DataOptions, OptionalData, PredProbs
from alfs_cli.errors import UsageError
from alfs_cli.invocation import Invocation, command

PANEL = "Thresholds"
LISTS = "Formats for CI"


@command
def check(
    invocation: Invocation,
    options: DataOptions,
    data: OptionalData = None,
    max_noise_rate: Annotated[
        float | None,
        typer.Option("--max-noise-rate", help="ALFS301, a fraction.", rich_help_panel=PANEL),
    ] = None,
    max_class_noise_rate: Annotated[
        float | None,
        typer.Option("--max-class-noise-rate", help="ALFS304, each class.", rich_help_panel=PANEL),
    ] = None,
    min_clean_level: Annotated[
        float | None,
        typer.Option(
            "--min-clean-level", help="ALFS201, the ratio r of each class.", rich_help_panel=PANEL
        ),
    ] = None,
    max_pair_rate: Annotated[
        float | None,
        typer.Option("--max-pair-rate", help="ALFS202, each pair T[i, j].", rich_help_panel=PANEL),
    ] = None,
    require_dominance: Annotated[
        bool,
        typer.Option(
            "--require-dominance/--no-require-dominance",
            help="ALFS203: the clean label leads in every class.",
            rich_help_panel=PANEL,
        ),
    ] = True,
    min_trust: Annotated[
        str | None,
        typer.Option("--min-trust", help="ALFS303: low, medium or high.", rich_help_panel=PANEL),
    ] = None,
    gate_on: Annotated[
        str,
        typer.Option("--gate-on", help="sure, point or strict.", rich_help_panel=PANEL),
    ] = "sure",
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Report, and exit 0 whatever was found.")
    ] = False,
    sarif_max: Annotated[
        int,
        typer.Option(
            "--sarif-max",
            min=1,
            max=25_000,
            help="Findings in SARIF, worst first.",
            rich_help_panel=LISTS,
        ),
    ] = 5000,
    max_findings: Annotated[
        int,
        typer.Option(
            "--max-findings",
            min=0,
            help="Findings listed as failures in JUnit, worst first.",
            rich_help_panel=LISTS,
        ),
    ] = 100,
    no_step_summary: Annotated[
        bool,
        typer.Option(
            "--no-step-summary",
            help="Do not append to $GITHUB_STEP_SUMMARY.",
            rich_help_panel=LISTS,
        ),
    ] = False,
    evidence: Annotated[
        str, typer.Option("--evidence", help="auto, pred-probs, features, encoder or pixels.")
    ] = "auto",
    folds: Annotated[int, typer.Option("--folds", help="Folds of held-out scoring.")] = 5,
    confidence: Annotated[
        float, typer.Option("--confidence", help="Level of each one-sided bound.")
    ] = 0.95,
    in_sample_ok: Annotated[
        bool, typer.Option("--in-sample-ok", help="Trust probabilities that look in-sample.")
    ] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Make the evidence anew.")] = False,
    pred_probs: PredProbs = None,
) -> None:
    """Fail with exit code 1 if label quality breaks a threshold, surely.

    DATA as in `alfs estimate`, or an estimate.json, which is judged in a moment. With no threshold
    it judges dominance, unreadable files, conflicting duplicates, empty classes, missing labels.
    """
    from alfs_cli.gate import Thresholds, judge
    from alfs_cli.report import Limits
    from alfs_cli.reports.check import check_report
    from alfs_cli.step_summary import append_step_summary

    thresholds = Thresholds(
        max_noise_rate=max_noise_rate,
        max_class_noise_rate=max_class_noise_rate,
        min_clean_level=min_clean_level,
        max_pair_rate=max_pair_rate,
        require_dominance=require_dominance,
        min_trust=min_trust,
        gate_on=gate_on,
    )
    if data is None and pred_probs is None:
        raise UsageError(
            "nothing to check", help="alfs check DATA, or alfs check alfs-out/estimate.json"
        )
    if data is not None and data.endswith(".json"):
        from alfs_cli.estimate import load_estimate

        result = judge(load_estimate(Path(data)), thresholds, None)
    else:
        from alfs_cli.auditing import audit

        spec = options.spec(data, pred_probs=pred_probs)
        found = audit(
            invocation,
            spec,
            evidence=evidence,
            folds=folds,
            confidence=confidence,
            in_sample_ok=in_sample_ok,
            use_cache=not no_cache,
        )
        result = judge(found.estimate, thresholds, (*found.findings, *found.suspect_findings()))
    result.save(invocation.out / "check.json")
    title = f"Label quality of {data or pred_probs}"
    report = replace(
        check_report(result, title=title, source=data or pred_probs, exit_zero=exit_zero),
        saved=str(invocation.out / "check.json"),
        limits=Limits(sarif=sarif_max, findings=max_findings),
    )
    invocation.publish(report)
    if not no_step_summary:
        append_step_summary(report, warn=invocation.warn)
    if not result.passed and not exit_zero:
        raise typer.Exit(1)
