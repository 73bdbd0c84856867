"""`alfs check DATA | ESTIMATE`: the CI gate."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli.errors import InputError, UsageError
from alfs_cli.options.check import RULES, BaselineFlags, CheckOptions, FileFlags, ListOptions
from alfs_cli.options.data import DataOptions, OptionalData, PredProbs
from alfs_cli.options.shared import Invocation, command

if TYPE_CHECKING:
    from alfs_cli.options.checking import CheckSettings
    from alfs_cli.results.check import CheckResult


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
            help="Explain a rule and what to do about it; all lists every rule.",
            rich_help_panel=RULES,
        ),
    ] = None,
    pred_probs: PredProbs = None,
) -> None:
    """Fail with exit code 1 if label quality surely breaks a threshold.

    DATA is as in `alfs estimate`, or an estimate.json, which takes a moment. Without thresholds
    it judges whether the clean label leads in every class, and the files: unreadable images,
    missing or unknown labels, empty classes, identical examples under different labels or in two
    splits.
    """
    if explain is not None:
        from alfs_cli.reports.rules import rules_report

        invocation.publish(rules_report(explain))
        return
    from alfs_cli.storage.documents import names_result

    is_estimate = data is not None and names_result(data)
    _refuse_at_odds(accepted, is_estimate=is_estimate)
    from alfs_cli.options.checking import check_settings

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
        result = _check_estimate(Path(str(data)), settings)
    else:
        result = _check_data(invocation, data, settings, accepted, use_cache=not files.no_cache)
    _publish(invocation, result, settings, lists, source=_shown(data or pred_probs))
    if not result.passed and not settings.value("exit-zero"):
        raise typer.Exit(1)


def _check_estimate(path: Path, settings: "CheckSettings") -> "CheckResult":
    from alfs_cli.gate.checking import check_estimate
    from alfs_cli.results.estimate import load_estimate

    if not path.exists():
        raise InputError(f"no such file: '{path}'", help="alfs estimate DATA writes one")
    return check_estimate(load_estimate(path), settings.plan())


def _check_data(
    invocation: Invocation,
    data: str | None,
    settings: "CheckSettings",
    accepted: BaselineFlags,
    *,
    use_cache: bool,
) -> "CheckResult":
    spec = settings.spec(data)
    from alfs_cli.gate.checking import check_data

    return check_data(
        spec,
        settings.options(invocation, use_cache=use_cache),
        settings.plan(),
        invocation.console,
        update=settings.update(accepted),
        targets=invocation.targets,
    )


def _shown(source: str | None) -> str | None:
    from alfs_cli.text.addresses import shown

    return None if source is None else shown(source)


def _publish(
    invocation: Invocation,
    result: "CheckResult",
    settings: "CheckSettings",
    lists: ListOptions,
    *,
    source: str | None,
) -> None:
    """Save check.json, publish the report and append it to the CI's step summary."""
    from alfs_cli.reports.check import check_report
    from alfs_cli.terminal.step_summary import append_step_summary

    saved = invocation.out / "check.json"
    result.save(saved)
    report = replace(
        check_report(
            result,
            title=f"Label quality of {source or _shown(settings.value('pred-probs'))}",
            source=source,
            exit_zero=settings.value("exit-zero"),
        ),
        saved=str(saved),
        limits=lists.limits(),
    )
    invocation.publish(report)
    if not lists.no_step_summary:
        append_step_summary(report, warn=invocation.console.warn)


def _refuse_at_odds(accepted: BaselineFlags, *, is_estimate: bool) -> None:
    if accepted.ratchet and not accepted.update_baseline:
        raise UsageError("--ratchet says how to update", help="give --update-baseline as well")
    if accepted.update_baseline and is_estimate:
        raise UsageError(
            "an estimate alone says nothing about files: no baseline can be made from it",
            help="name DATA: alfs check DATA --update-baseline",
        )
