"""The gate on DATA or on a saved estimate, and the update of its baseline."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from alfs_cli.console import Console
from alfs_cli.findings.finding import Finding
from alfs_cli.findings.rules import Selection
from alfs_cli.gate.baseline import USUAL, Baseline, refuse_other_evidence, updated
from alfs_cli.gate.judging import INTEGRITY, OF_PICTURES, OF_TEXTS, Thresholds, judge
from alfs_cli.gate.suppressions import Suppressions, sort_out
from alfs_cli.results.check import CheckResult, Suppressed
from alfs_cli.results.estimate import NoiseEstimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alfs_cli.data import DataSpec, Given, LabelledDataset
    from alfs_cli.estimating import Estimated, EstimateOptions
    from alfs_cli.estimating.estimated import Judged
    from alfs_cli.gate.audited import Audited
    from alfs_cli.storage.targets import Target

FOLLOWED = ("features", "encoder", "pixels", "network")
"""Kinds of evidence that `check` makes itself; where none is named, it makes the baseline's."""


@dataclass(frozen=True)
class Plan:
    """What to judge by: limits, suppressions, the baseline, and an audit."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    suppressions: Suppressions = field(default_factory=Suppressions)
    baseline: Baseline | None = None
    audit: "Audited | None" = None


@dataclass(frozen=True)
class Update:
    """A baseline to be written, and whether it may only get stricter."""

    path: Path = Path(USUAL)
    ratchet: bool = False


def check_estimate(estimate: NoiseEstimate, plan: Plan) -> CheckResult:
    """Judge a saved estimate; gates on files are not judged.

    Raises UsageError or InputError where the baseline or the audit is for other data or evidence.
    """
    if plan.baseline is not None:
        refuse_other_evidence(plan.baseline, estimate, ratchet=False)
    if plan.audit is not None:
        plan.audit.refuse_other(estimate.data.fingerprint)
    return judge(
        estimate,
        plan.thresholds,
        None,
        rules=plan.suppressions.rules,
        ceilings=None if plan.baseline is None else plan.baseline.ceilings,
        audit=plan.audit,
    )


def check_data(
    spec: "DataSpec",
    options: "EstimateOptions",
    plan: Plan,
    console: Console,
    *,
    update: Update | None = None,
    targets: "Sequence[Target]" = (),
    given: "Given | None" = None,
) -> CheckResult:
    """Read DATA, estimate T and judge the gates.

    With `update` the baseline is updated first, judged by, and written. `given` holds arrays of
    DATA that a Python caller passed instead of files.
    """
    from alfs_cli.estimating import estimate_data

    has_probs = spec.pred_probs is not None or (given is not None and given.pred_probs is not None)
    if not has_probs:
        options = replace(options, evidence=_evidence(options, plan, console, update))
    spec = replace(spec, lenient=True)
    found = estimate_data(spec, options, console, targets=targets, given=given)
    return check_estimated(found, plan, console, update=update)


def check_estimated(
    found: "Estimated", plan: Plan, console: Console, *, update: Update | None = None
) -> CheckResult:
    """Judge an estimate and the examples that it was made from; `update` as in `check_data`."""
    if found.judged is None:
        return check_estimate(found.estimate, plan)
    if plan.audit is not None:
        plan.audit.refuse_other(found.estimate.data.fingerprint)
    rules = plan.suppressions.rules
    every, looked_at = _findings(found.judged, rules, console)
    left = sort_out(every, plan.suppressions)
    baseline, stale = _baseline(found, plan, every, left.kept, update)
    new = tuple(f for f in left.kept if baseline is None or not baseline.accepts(f))
    result = judge(
        found.estimate,
        plan.thresholds,
        new,
        rules=rules,
        ceilings=None if baseline is None else baseline.ceilings,
        looked_at=looked_at,
        stale=stale,
        audit=plan.audit,
    )
    if update is not None and baseline is not None:
        baseline.save(update.path)
        console.note(f"wrote {update.path}: {len(baseline.accepted):,} findings accepted")
    return replace(
        result,
        suppressed=Suppressed(len(left.kept) - len(new), left.ignored),
        stale=(*(stale or ()), *left.stale) if rules.has("ALFS901") else (),
    )


def _evidence(
    options: "EstimateOptions", plan: Plan, console: Console, update: Update | None
) -> str:
    """Return the kind of evidence; where it is `auto`, that of the baseline.

    `auto` by itself could choose another kind when the data or the installed packages change.
    """
    is_renewed = update is not None and not update.ratchet
    made = None if plan.baseline is None or is_renewed else plan.baseline.evidence
    if options.evidence != "auto" or made is None:
        return options.evidence
    if made.kind not in FOLLOWED:
        return options.evidence
    console.detail(f"evidence = {made.kind} (the baseline)")
    return made.kind


def _baseline(
    found: "Estimated",
    plan: Plan,
    every: "Sequence[Finding]",
    kept: "Sequence[Finding]",
    update: Update | None,
) -> tuple[Baseline | None, tuple[str, ...] | None]:
    """Return the baseline to judge by, updated if asked, and its stale entries."""
    baseline = plan.baseline
    if baseline is not None and (update is None or update.ratchet):
        ratchet = update is not None and update.ratchet
        refuse_other_evidence(baseline, found.estimate, ratchet=ratchet)
    if update is None and baseline is None:
        return None, None
    present = _fingerprints(found.examples, every)
    baseline = baseline or Baseline()
    if update is not None:
        baseline = updated(
            baseline,
            kept,
            present,
            found.estimate,
            borderline=found.examples.borderline(),
            ratchet=update.ratchet,
        )
    return baseline, baseline.stale(present)


def _findings(
    found: "Judged", rules: Selection, console: Console
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Return all findings, those of files first, and the rules on files that were checked."""
    from alfs_cli.data.duplicates import digests_of
    from alfs_cli.inspecting.examples import leakage_findings, other_split, other_splits

    others: dict[str, LabelledDataset] = {
        split: other
        for split in (other_splits(found.dataset) if rules.has("ALFS404") else ())
        if (other := other_split(found.dataset, split, console.note)) is not None
    }
    leaks: tuple[Finding, ...] = ()
    if others:
        leaks = leakage_findings(found.dataset, found.digests or digests_of(found.dataset), others)
    ambiguous = found.ambiguous_findings() if rules.has("ALFS102") else ()
    texts = OF_TEXTS if found.dataset.texts is None else ()
    pictures = OF_PICTURES if found.dataset.images is None else ()
    idle = (*texts, *pictures, *(() if others else ("ALFS404",)))
    looked_at = tuple(rule for rule in INTEGRITY if rule not in idle)
    return (*found.findings, *leaks, *found.suspect_findings(), *ambiguous), looked_at


def _fingerprints(found: "Judged", findings: Iterable[Finding]) -> frozenset[str]:
    """Return the fingerprints of all examples and of all findings."""
    from alfs_cli.data.duplicates import digests_of
    from alfs_cli.inspecting.examples import fingerprints_of

    digests = found.digests or digests_of(found.dataset)
    own = (finding.fingerprint for finding in findings if finding.fingerprint is not None)
    return fingerprints_of(found.dataset, digests).union(own)
