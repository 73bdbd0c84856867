"""The clean level as an audit knows it, in the place of the one that was estimated.

An audit bounds r whether or not r was claimed: the tests of all pairs of classes are a function of
its draws and answers. That bound holds whatever the noise depends on, so a certificate on it does
not rest on T. T stays as it was estimated for everything that needs no bound, moved toward the
identity where the audit rules it out.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from alfs_cli.audits.claims import Claim
from alfs_cli.audits.forecast import forecast
from alfs_cli.audits.judge import UNDECIDED, Judge, LevelUnderTest
from alfs_cli.audits.reading import judge_of, read_audit, refuse_other_data
from alfs_cli.findings.finding import Missing
from alfs_cli.results.estimate import Bounded, NoiseEstimate, Rows
from alfs_cli.results.recommendation import AuditReference

LEADS = Claim("clean-level", (), ">=", 1.0)


def audit_reference(path: Path, estimate: NoiseEstimate) -> AuditReference:
    """Return what the audit at `path` knows of r, and how many answers are missing for r > 1.

    Raises InputError where no audit is there, a line of it was edited, or its data are others.
    """
    record = read_audit(path)
    refuse_other_data(record, estimate.data.fingerprint, path)
    levels = [claim for claim in record.plan.claims if claim.is_level and claim.where is None]
    judge = judge_of(record, (*levels, LEADS))
    tested = cast(LevelUnderTest, judge.tested[LEADS.subject])
    low, own = low_of(tested), record.judge()
    return AuditReference(
        file=path.as_posix(),
        folder=record.folder.as_posix(),
        answers=record.answers,
        risk=record.plan.risk,
        low=low,
        high=tested.measured().high,
        estimated_low=estimate.clean_level.low,
        missing=None if low > 1 else _missing(judge),
        asks_on=any(own.verdict(claim) == UNDECIDED for claim in own.claims),
    )


def low_of(tested: LevelUnderTest) -> float:
    """Return the largest level that r has; where r > 1 was shown, the number next to 1."""
    low = tested.measured().low
    at_one = tested.pairs.levels == 1
    is_more = bool(tested.pairs.accepted(strictly=True)[at_one].all())
    return math.nextafter(1.0, 2.0) if low == 1 and is_more else low


def _missing(judge: Judge) -> Missing | None:
    found = forecast(judge, LEADS) if judge.left else None
    return None if found is None else Missing(found.p10, found.p50, found.p90)


def with_audit(estimate: NoiseEstimate, audit: AuditReference) -> NoiseEstimate:
    """Return the estimate with what the audit knows of r in the place of its own bounds."""
    level, low = estimate.clean_level, audit.low
    value = min(max(level.value, low), audit.high)
    return replace(
        estimate,
        clean_level=replace(level, value=value, low=low, high=audit.high),
        gap=Bounded(estimate.gap.value, least_gap(low, len(estimate.transition)), 1.0),
        transition=rows_with_level(estimate.transition, low),
        dominant=True if low > 1 else False if audit.high < 1 else None,
    )


def least_gap(level: float, num_classes: int) -> float:
    """Return the least T[i, i] - max T[i, j] that a clean level leaves possible.

    T[i, j] <= T[i, i] / r for all K - 1 others, so T[i, i] >= r / (r + K - 1).

    >>> least_gap(3.0, 2)
    0.5
    """
    return max(0.0, (level - 1) / (level + num_classes - 1))


def rows_with_level(rows: Rows, level: float) -> Rows:
    """Return T (K, K) with every row moved toward the identity, as far as the level asks for.

    >>> rows_with_level(((0.5, 0.5), (0.0, 1.0)), 3.0)
    ((0.75, 0.25), (0.0, 1.0))
    """
    T = np.array(rows, dtype=float)
    own = T.diagonal()
    other = np.where(np.eye(len(T), dtype=bool), 0, T).max(axis=1)
    share = np.maximum(level * other - own, 0) / (1 - own + level * other + 1e-300)
    moved = (1 - share)[:, None] * T + np.diag(share)
    return tuple(tuple(float(x) for x in row) for row in moved)
