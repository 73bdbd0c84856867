"""`alfs check DATA | ESTIMATE`: the CI gate."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.errors import InputError, UsageError
from alfs_cli.options.check import RULES, BaselineFlags, CheckOptions, FileFlags, ListOptions
from alfs_cli.options.data import DataOptions, OptionalData, PredProbs
from alfs_cli.options.shared import Invocation, command


@command
def check(
    invocation: Invocation,
    options: DataOptions,
    typed: CheckOptions,
    lists: ListOptions,
    accepted: BaselineFlags,
    files: FileFlags,
    data: OptionalData = None,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="RULE",
            help="Say what a rule means and what to do; all lists every rule.",
            rich_help_panel=RULES,
        ),
    ] = None,
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
    _refuse_at_odds(accepted, is_estimate=is_estimate)
    from alfs_cli.options.checking import check_settings
    from alfs_cli.reports.check import check_report
    from alfs_cli.terminal.step_summary import append_step_summary

    settings = check_settings(
        invocation,
        {**typed.typed(), **options.typed(), "pred-probs": pred_probs},
        source=data,
        files=files,
        may_be_new=accepted.update_baseline,
    )
    if data is None and settings.value("pred-probs") is None:
        raise UsageError(
            "nothing to check", help="alfs check DATA, or alfs check alfs-out/estimate.json"
        )
    if is_estimate:
        from alfs_cli.gate.checking import check_estimate
        from alfs_cli.results.estimate import load_estimate

        path = Path(str(data))
        if not path.exists():
            raise InputError(f"no such file: '{path}'", help="alfs estimate DATA writes one")
        result = check_estimate(load_estimate(path), settings.plan())
    else:
        from alfs_cli.gate.checking import check_data

        result = check_data(
            settings.spec(data),
            settings.options(invocation, use_cache=not files.no_cache),
            settings.plan(),
            invocation.console,
            update=settings.update(accepted),
            targets=invocation.targets,
        )
    saved = invocation.out / "check.json"
    result.save(saved)
    title = f"Label quality of {data or settings.value('pred-probs')}"
    exit_zero = settings.value("exit-zero")
    report = replace(
        check_report(result, title=title, source=data or pred_probs, exit_zero=exit_zero),
        saved=str(saved),
        limits=lists.limits(),
    )
    invocation.publish(report)
    if not lists.no_step_summary:
        append_step_summary(report, warn=invocation.console.warn)
    if not result.passed and not exit_zero:
        raise typer.Exit(1)


def _refuse_at_odds(accepted: BaselineFlags, *, is_estimate: bool) -> None:
    if accepted.ratchet and not accepted.update_baseline:
        raise UsageError("--ratchet says how to update", help="give --update-baseline as well")
    if accepted.update_baseline and is_estimate:
        raise UsageError(
            "an estimate alone says nothing of files: no baseline can be made of it",
            help="name DATA: alfs check DATA --update-baseline",
        )
