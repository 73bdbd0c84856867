"""From settings and DATA (or a saved estimate) to the verdict of the gate, and to a baseline."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.errors import UsageError
from alfs_cli.findings.rules import Selection
from alfs_cli.formats.blocks import Finding
from alfs_cli.gate.baseline import USUAL as USUAL_BASELINE
from alfs_cli.gate.baseline import Baseline, load_baseline, refuse_other_evidence, updated
from alfs_cli.gate.judging import INTEGRITY, CheckResult, Suppressed, Thresholds, judge
from alfs_cli.gate.suppressions import USUAL as USUAL_IGNORE
from alfs_cli.gate.suppressions import Suppressions, read_lines, sort_out
from alfs_cli.options.shared import Invocation
from alfs_cli.results.estimate import NoiseEstimate
from alfs_cli.settings.check import CHECK, SECTIONS
from alfs_cli.settings.layers import Setting, find, load, resolve
from alfs_cli.storage.targets import Target, refuse_inputs

if TYPE_CHECKING:
    from alfs_cli.data import DataSpec
    from alfs_cli.estimating.in_memory import Audit

FOLLOWED = ("features", "encoder", "pixels", "network")
"""Kinds of evidence that `check` makes itself, and takes as the baseline says."""


@dataclass(frozen=True)
class Plan:
    """What is judged and how: DATA, settings by name, what is not to be told, what is accepted."""

    source: str | None
    settings: Mapping[str, Setting]
    suppressions: Suppressions
    baseline: Baseline | None

    def value(self, name: str) -> Any:
        """Return the value of a setting."""
        return self.settings[name].value

    def spec(self) -> "DataSpec":
        """How DATA is read, leaving out what cannot be judged."""
        from alfs_cli.data import DataSpec

        named = {
            field.name: self.value(key)
            for field in fields(DataSpec)
            if (key := field.name.replace("_", "-")) in self.settings
        }
        return DataSpec(self.source, lenient=True, **named)

    @property
    def thresholds(self) -> Thresholds:
        """The limits among the settings."""
        names = {field.name: field.name.replace("_", "-") for field in fields(Thresholds)}
        return Thresholds(**{field: self.value(name) for field, name in names.items()})


def plan_check(
    invocation: Invocation,
    typed: Mapping[str, Any],
    *,
    source: str | None,
    config: Path | None = None,
    isolated: bool = False,
    may_be_new: bool = False,
) -> Plan:
    """Return what the command line, variables and files say; `-v` tells which said what.

    `source` is DATA, whose folder no settings are taken from; the baseline `may_be_new`, when it is
    about to be written.
    """
    data = Path(source).resolve() if source is not None and Path(source).is_dir() else None
    path = config
    if path is None and not isolated:
        path, notes = find(Path.cwd(), data=data)
        for text in notes:
            invocation.note(f"note: {text}")
    file = None if path is None else load(path, SECTIONS)
    settings = resolve("check", CHECK, typed=typed, environment=os.environ, file=file)
    if file is not None:
        invocation.note(f"note: settings from '{os.path.relpath(file.path)}'")
    for name, setting in settings.items():
        if setting.value not in (None, ()):
            invocation.detail(f"{name} = {_written(setting.value)} ({setting.origin})")
    _refuse_inputs(invocation, settings, source, path, may_be_new=may_be_new)
    ignore_file = settings["ignore-file"].value
    if ignore_file is None and not isolated and _is_trusted(Path.cwd(), data):
        ignore_file = USUAL_IGNORE if Path(USUAL_IGNORE).is_file() else None
    suppressions = Suppressions(
        rules=Selection(settings["select"].value, settings["ignore"].value),
        by_path=settings["per-path-ignores"].value,
        base="." if file is None else str(file.path.parent),
        lines=() if ignore_file is None else read_lines(Path(ignore_file)),
    )
    for line in suppressions.lines:
        if line.expired:
            invocation.warn(f"{line.describe()} has expired and is not applied")
    named = settings["baseline"].value
    if settings["strict-baseline"].value and named is None and not may_be_new:
        raise UsageError(
            "--strict-baseline says how to judge a baseline, and none is named",
            help="--baseline FILE; --update-baseline writes one",
        )
    is_there = named is not None and (not may_be_new or Path(named).exists())
    baseline = load_baseline(Path(named)) if is_there else None
    if baseline is not None and baseline.evidence is None and not may_be_new:
        invocation.note(
            f"note: '{named}' does not say which evidence it was made with, so that it is not "
            "compared; --update-baseline adds it"
        )
    return Plan(source, settings, suppressions, baseline)


def _evidence(invocation: Invocation, plan: Plan, *, is_renewed: bool) -> str:
    """Return the kind of evidence: where it is left open, the one that the baseline was made from.

    Else the choice could turn with the data, or with what is installed.
    """
    chosen: str = plan.value("evidence")
    made = None if plan.baseline is None or is_renewed else plan.baseline.evidence
    if chosen != "auto" or made is None or plan.value("pred-probs") is not None:
        return chosen
    if made.kind not in FOLLOWED:
        return chosen
    invocation.detail(f"evidence = {made.kind} (the baseline)")
    return made.kind


def _refuse_inputs(
    invocation: Invocation,
    settings: Mapping[str, Setting],
    source: str | None,
    config: Path | None,
    *,
    may_be_new: bool,
) -> None:
    """Raise UsageError where what is written is an input, by settings from wherever.

    A baseline that is updated is read and written: it may only not be any other input.
    """
    names = ("labels", "true-labels", "features", "pred-probs", "ignore-file")
    inputs = [source, config, *(settings[name].value for name in names)]
    baseline = settings["baseline"].value
    invocation.refuse_inputs(*inputs, baseline)
    if may_be_new:
        refuse_inputs([Target("--update-baseline", Path(baseline or USUAL_BASELINE))], inputs)


def _is_trusted(folder: Path, data: Path | None) -> bool:
    """Say whether a folder is outside DATA."""
    return data is None or (folder != data and data not in folder.parents)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(
            f"{item[0]}: {_written(item[1])}" if isinstance(item, tuple) else str(item)
            for item in value
        )
    return f"{value:g}" if isinstance(value, float) else str(value)


def check_estimate(estimate: NoiseEstimate, plan: Plan) -> CheckResult:
    """Judge an estimate alone: nothing is known of the files."""
    if plan.baseline is not None:
        refuse_other_evidence(plan.baseline, estimate, ratchet=False)
    return judge(
        estimate,
        plan.thresholds,
        None,
        rules=plan.suppressions.rules,
        ceilings=None if plan.baseline is None else plan.baseline.ceilings,
    )


def check_data(
    invocation: Invocation,
    plan: Plan,
    *,
    use_cache: bool = True,
    update_baseline: bool = False,
    ratchet: bool = False,
) -> CheckResult:
    """Judge DATA; with `update_baseline` by the new baseline, which is then written."""
    from alfs_cli.estimating.in_memory import audit

    found = audit(
        invocation,
        plan.spec(),
        evidence=_evidence(invocation, plan, is_renewed=update_baseline and not ratchet),
        folds=plan.value("folds"),
        confidence=plan.value("confidence"),
        in_sample_ok=plan.value("in-sample-ok"),
        columns_as_given=plan.value("columns-as-given"),
        use_cache=use_cache,
    )
    rules = plan.suppressions.rules
    every, looked_at = _findings(invocation, found, rules)
    left = sort_out(every, plan.suppressions)
    baseline, stale = plan.baseline, None
    if baseline is not None and (ratchet or not update_baseline):
        refuse_other_evidence(baseline, found.estimate, ratchet=ratchet)
    if update_baseline or baseline is not None:
        present = _fingerprints(found, every)
        baseline = baseline or Baseline()
        if update_baseline:
            baseline = updated(
                baseline,
                left.kept,
                present,
                found.estimate,
                borderline=found.borderline(),
                ratchet=ratchet,
            )
        stale = baseline.stale(present)
    new = tuple(f for f in left.kept if baseline is None or not baseline.accepts(f))
    result = judge(
        found.estimate,
        plan.thresholds,
        new,
        rules=rules,
        ceilings=None if baseline is None else baseline.ceilings,
        looked_at=looked_at,
        stale=stale,
    )
    if update_baseline and baseline is not None:
        path = Path(plan.value("baseline") or USUAL_BASELINE)
        baseline.save(path)
        invocation.note(f"wrote {path}: {len(baseline.accepted):,} findings accepted")
    return replace(
        result,
        suppressed=Suppressed(len(left.kept) - len(new), left.ignored),
        stale=(*(stale or ()), *left.stale) if rules.has("ALFS901") else (),
    )


def _findings(
    invocation: Invocation, found: "Audit", rules: Selection
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Return all that was found, errors in files first, and which rules on files were looked at."""
    from alfs_cli.data.duplicates import digests_of
    from alfs_cli.findings.integrity import leakage_findings, other_split, other_splits

    others = {
        split: other
        for split in (other_splits(found.dataset) if rules.has("ALFS404") else ())
        if (other := other_split(found.dataset, split, invocation.note)) is not None
    }
    leaks: tuple[Finding, ...] = ()
    if others:
        leaks = leakage_findings(found.dataset, found.digests or digests_of(found.dataset), others)
    ambiguous = found.ambiguous_findings() if rules.has("ALFS102") else ()
    looked_at = tuple(rule for rule in INTEGRITY if rule != "ALFS404" or others)
    return (*found.findings, *leaks, *found.suspect_findings(), *ambiguous), looked_at


def _fingerprints(found: "Audit", findings: Iterable[Finding]) -> frozenset[str]:
    """Return the fingerprints of all examples and of all findings."""
    from alfs_cli.data.duplicates import digests_of
    from alfs_cli.findings.integrity import fingerprints_of

    digests = found.digests or digests_of(found.dataset)
    own = (finding.fingerprint for finding in findings if finding.fingerprint is not None)
    return fingerprints_of(found.dataset, digests).union(own)
