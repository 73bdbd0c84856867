"""`alfs.check`: the gate for Python callers; it reads no configuration."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.data import Given
from alfs_cli.errors import UsageError
from alfs_cli.estimating import EstimateOptions
from alfs_cli.findings.finding import Finding, Gate
from alfs_cli.findings.rules import Selection
from alfs_cli.formats.blocks import Report
from alfs_cli.gate.audited import load_audited
from alfs_cli.gate.baseline import load_baseline
from alfs_cli.gate.checking import Plan, check_data, check_estimate, check_estimated
from alfs_cli.gate.judging import Thresholds
from alfs_cli.gate.suppressions import Suppressions
from alfs_cli.python.asked import FileName, Names, audit_place, data_asked
from alfs_cli.python.estimates import Estimate, load_estimate
from alfs_cli.python.showing import Shown
from alfs_cli.python.wording import Listener, checked, told_to_programs
from alfs_cli.reports.check import check_report
from alfs_cli.results.check import CheckResult
from alfs_cli.settings.check import CHECK
from alfs_cli.settings.layers import Key
from alfs_cli.settings.values import whole
from alfs_cli.storage.documents import names_result

if TYPE_CHECKING:
    from alfs_cli.python.auditing import Audit

KEYS = {name.replace("-", "_"): key for name, key in CHECK.items()} | {"seed": Key(whole(0), 0)}


@dataclass(frozen=True, eq=False, repr=False)
class Checked(Shown):
    """The verdict of the gate; `result` is the content of check.json."""

    result: CheckResult
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no gate failed."""
        return self.result.passed

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Every gate: rule, name, status (pass, warn, fail, not-judged), value, low, high."""
        return self.result.gates

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding: rule, level, message, path, line, row, given, suggested, score."""
        return self.result.findings

    def save(self, folder: FileName) -> None:
        """Write check.json into a folder, as the command does."""
        self.result.save(Path(folder) / "check.json")

    def document(self) -> dict[str, object]:
        """Return the JSON document `alfs.check/1`."""
        return self.result.document()

    def _lines(self) -> tuple[str, list[tuple[str, str]]]:
        shown = sorted(
            (gate for gate in self.gates if gate.status != "pass"),
            key=lambda gate: ("fail", "warn", "not-judged").index(gate.status),
        )
        passed = sum(gate.status == "pass" for gate in self.gates)
        rows: list[tuple[str, str]] = [
            (gate.status, f"{gate.rule} {gate.message}") for gate in shown[:6]
        ]
        rows.append(("pass", f"{passed} of {len(self.gates)} gates"))
        rows.append(("findings", f"{len(self.findings):,}"))
        return "passed" if self.passed else "failed", rows

    def _report(self) -> Report:
        return check_report(self.result, title="Label quality")


def check(
    data: FileName | Estimate | None = None,
    *,
    max_noise_rate: float | None = None,
    max_class_noise_rate: float | None = None,
    min_clean_level: float | None = None,
    max_pair_rate: float | None = None,
    require_dominance: bool = True,
    min_trust: str | None = None,
    max_new_issues: int | None = None,
    gate_on: str = "sure",
    baseline: FileName | None = None,
    strict_baseline: bool = False,
    audit: "Audit | FileName | None" = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    features: Any = None,
    texts: Any = None,
    labels: Any = None,
    pred_probs: Any = None,
    true_labels: Any = None,
    class_names: Names = None,
    evidence: str = "auto",
    folds: int = 5,
    confidence: float = 0.95,
    in_sample_ok: bool = False,
    columns_as_given: bool = False,
    rows_as_given: bool = False,
    seed: int = 0,
    device: str = "auto",
    cache: FileName | None = None,
    split: str | None = None,
    label_column: str | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    true_label_column: str | None = None,
    label_columns: Names = None,
    feature_columns: Names = None,
    exclude_columns: Names = None,
    group_column: str | None = None,
    root: FileName | None = None,
) -> Checked:
    """Judge whether label quality surely breaks a threshold.

    Data are named as for `estimate`; `data` may also be an estimate, or the path of an
    estimate.json, which takes a moment. Rates are fractions, clean levels ratios. With `gate_on`
    sure a gate fails only where even the bound most favourable to the data breaks its limit; with
    point, where the estimate does; with strict it passes only where even the least favourable bound
    keeps the limit. `baseline` is a file of accepted findings; with `audit`, an audit of the same
    data or its audit.json, gates take the bounds of people's answers; `select` and `ignore` hold
    rules or prefixes of them. Neither configuration files nor environment variables are read.

    Raises AlfsError where the data or a gate that was asked for cannot be judged.

    >>> import numpy as np
    >>> y = np.arange(200) % 2
    >>> P = 0.05 + 0.9 * np.eye(2)[y]
    >>> verdict = check(pred_probs=P, labels=y, in_sample_ok=True, max_noise_rate=0.05)
    >>> verdict.passed
    True
    """
    heard = Listener()
    with told_to_programs():
        limits = checked(
            {
                "max_noise_rate": max_noise_rate,
                "max_class_noise_rate": max_class_noise_rate,
                "min_clean_level": min_clean_level,
                "max_pair_rate": max_pair_rate,
                "require_dominance": require_dominance,
                "min_trust": min_trust,
                "max_new_issues": max_new_issues,
                "strict_baseline": strict_baseline,
                "gate_on": gate_on,
                "in_sample_ok": in_sample_ok,
            },
            KEYS,
        )
        numbers = checked({"folds": folds, "confidence": confidence, "seed": seed}, KEYS)
        plan = _plan(Thresholds(**limits), baseline, select, ignore)
        if audit is not None:
            plan = replace(plan, audit=load_audited(audit_place(audit)))
        given = Given(features, labels, true_labels, pred_probs, texts)
        made = _estimate_named(data)
        if made is not None and not given.is_empty:
            raise UsageError(
                "an estimate is judged as it is",
                help="give no features, texts, labels or pred_probs beside it",
            )
        if made is not None:
            if made.made is None:
                return Checked(check_estimate(made.result, plan), made.notes)
            return Checked(check_estimated(made.made, plan, heard), made.notes)
        spec, held = data_asked(
            data if not isinstance(data, Estimate) else None,
            given,
            class_names=class_names,
            split=split,
            label_column=label_column,
            path_column=path_column,
            text_column=text_column,
            true_label_column=true_label_column,
            label_columns=label_columns,
            feature_columns=feature_columns,
            exclude_columns=exclude_columns,
            group_column=group_column,
            root=root,
        )
        options = EstimateOptions(
            evidence=evidence,
            in_sample_ok=in_sample_ok,
            columns_as_given=columns_as_given,
            rows_as_given=rows_as_given,
            device=device,
            cache=None if cache is None else Path(cache),
            **numbers,
        )
        result = check_data(spec, options, plan, heard, given=held)
    return Checked(result, tuple(heard.notes))


def _plan(
    limits: Thresholds, baseline: FileName | None, select: Sequence[str], ignore: Sequence[str]
) -> Plan:
    named = {
        name: [words] if isinstance(words, str) else list(words)
        for name, words in (("select", select), ("ignore", ignore))
    }
    rules = checked(named, KEYS)
    if limits.strict_baseline and baseline is None:
        raise UsageError(
            "--strict-baseline says how to judge a baseline, and none is named",
            help="--baseline FILE",
        )
    return Plan(
        limits,
        Suppressions(rules=Selection(rules["select"], rules["ignore"])),
        None if baseline is None else load_baseline(Path(baseline)),
    )


def _estimate_named(data: Any) -> Estimate | None:
    """Return the estimate to judge, None where `data` names data."""
    if isinstance(data, Estimate):
        return data
    is_path = isinstance(data, str | os.PathLike)
    return load_estimate(data) if is_path and names_result(str(data)) else None
