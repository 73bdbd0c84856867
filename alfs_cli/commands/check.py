"""`alfs check DATA | ESTIMATE`: the CI gate."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.errors import InputError, UsageError
from alfs_cli.options.check import RULES, CheckOptions, ListOptions
from alfs_cli.options.data import DataOptions, OptionalData, PredProbs
from alfs_cli.options.shared import Invocation, command


@command
def check(
    invocation: Invocation,
    options: DataOptions,
    typed: CheckOptions,
    lists: ListOptions,
    data: OptionalData = None,
    update_baseline: Annotated[
        bool,
        typer.Option(
            "--update-baseline",
            help="Accept today's findings and bounds; writes --baseline, or alfs-baseline.json.",
            rich_help_panel=RULES,
        ),
    ] = False,
    ratchet: Annotated[
        bool,
        typer.Option(
            "--ratchet",
            help="With --update-baseline: only make it stricter.",
            rich_help_panel=RULES,
        ),
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="RULE",
            help="Say what a rule means and what to do; all lists every rule.",
            rich_help_panel=RULES,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Settings; without it the nearest alfs.yaml, .alfs.yaml or pyproject.toml.",
        ),
    ] = None,
    isolated: Annotated[
        bool, typer.Option("--isolated", help="Read no configuration or ignore file by itself.")
    ] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Make the evidence anew.")] = False,
    pred_probs: PredProbs = None,
) -> None:
    """Fail with exit code 1 if label quality breaks a threshold, surely.

    DATA as in `alfs estimate`, or an estimate.json, which is judged in a moment. With no threshold
    it judges dominance of the clean label and the files: unreadable, missing or unknown labels,
    empty classes, identical examples under different labels or in two splits.
    """
    if explain is not None:
        from alfs_cli.reports.rules import rules_report

        invocation.publish(rules_report(explain))
        return
    is_estimate = data is not None and data.endswith(".json")
    if ratchet and not update_baseline:
        raise UsageError("--ratchet says how to update", help="give --update-baseline as well")
    if update_baseline and is_estimate:
        raise UsageError(
            "an estimate alone says nothing of files: no baseline can be made of it",
            help="name DATA: alfs check DATA --update-baseline",
        )
    from alfs_cli.gate.checking import check_data, check_estimate, plan_check
    from alfs_cli.reports.check import check_report
    from alfs_cli.terminal.step_summary import append_step_summary

    plan = plan_check(
        invocation,
        {**typed.typed(), **options.typed(), "pred-probs": pred_probs},
        source=data,
        config=config,
        isolated=isolated,
        may_be_new=update_baseline,
    )
    if data is None and plan.value("pred-probs") is None:
        raise UsageError(
            "nothing to check", help="alfs check DATA, or alfs check alfs-out/estimate.json"
        )
    if is_estimate:
        from alfs_cli.results.estimate import load_estimate

        path = Path(str(data))
        if not path.exists():
            raise InputError(f"no such file: '{path}'", help="alfs estimate DATA writes one")
        result = check_estimate(load_estimate(path), plan)
    else:
        result = check_data(
            invocation,
            plan,
            use_cache=not no_cache,
            update_baseline=update_baseline,
            ratchet=ratchet,
        )
    result.save(invocation.out / "check.json")
    title = f"Label quality of {data or plan.value('pred-probs')}"
    exit_zero = plan.value("exit-zero")
    report = replace(
        check_report(result, title=title, source=data or pred_probs, exit_zero=exit_zero),
        saved=str(invocation.out / "check.json"),
        limits=lists.limits(),
    )
    invocation.publish(report)
    if not lists.no_step_summary:
        append_step_summary(report, warn=invocation.warn)
    if not result.passed and not exit_zero:
        raise typer.Exit(1)
