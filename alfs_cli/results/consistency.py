"""Checks that the numbers of a saved estimate are possible and agree with one another.

A file that was edited, cut or merged must not pass a gate by an impossible number.
"""

import math
from collections.abc import Iterator, Sequence

from alfs_cli.errors import InputError
from alfs_cli.results.estimate import Bounded, IssuesFile, NoiseEstimate, OtherEstimate, Rows, Truth

EXACT = 1e-6  # tolerance of sums and bounds of numbers written with all digits
ROUNDED = 5e-3  # tolerance of rates that were rounded to whole per cent by hand
Problem = tuple[str, str]  # a field, and what is wrong with it


def check_estimate(estimate: NoiseEstimate, *, where: str) -> NoiseEstimate:
    """Return the estimate; raises InputError naming the first field that is wrong."""
    for parts in (_shapes, _ranges, _agreement):
        for field, wrong in parts(estimate):
            raise InputError(
                f"{where}: {field}: {wrong}",
                help="the file was edited or cut short; make it anew with `alfs estimate DATA`",
            )
    return estimate


def _shapes(estimate: NoiseEstimate) -> Iterator[Problem]:
    data = estimate.data
    K = len(data.classes)
    if K < 2 or len(set(data.classes)) < K:
        yield "data.classes", "not two or more different names"
    matrices = {
        "transition": estimate.transition,
        "transition_low": estimate.transition_low,
        "transition_high": estimate.transition_high,
        **{
            f"other_estimates.{i}.transition": other.transition
            for i, other in enumerate(estimate.other_estimates)
        },
        **({"truth.transition": estimate.truth.transition} if estimate.truth else {}),
    }
    for name, rows in matrices.items():
        if len(rows) != K or any(len(row) != K for row in rows):
            yield name, f"not {K} x {K}, one row and column per class"
    lists: dict[str, Sequence[object]] = {
        "data.given_counts": data.given_counts,
        "class_prior": estimate.class_prior,
    }
    if estimate.class_clean_level:  # may be empty: gates on classes are then not judged
        lists["class_clean_level"] = estimate.class_clean_level
    for name, values in lists.items():
        if len(values) != K:
            yield name, f"{len(values)} entries for {K} classes"
    for name in (estimate.clean_level.true_class, estimate.clean_level.given_class):
        if name not in data.classes:
            yield "clean_level", f"'{name[:100]}' is none of data.classes"


def _ranges(estimate: NoiseEstimate) -> Iterator[Problem]:
    shares: dict[str, float | None] = {
        "confidence": estimate.confidence,
        "evidence.agreement": estimate.evidence.agreement,
        "evidence.calibration_error": estimate.evidence.calibration_error,
        **_shares_of("truth", estimate.truth),
        "local.share_below_1": estimate.local.share_below_1 if estimate.local else None,
        **_promises(estimate.issues),
    }
    for i, other in enumerate(estimate.other_estimates):
        shares |= _shares_of(f"other_estimates.{i}", other)
    for name, value in shares.items():
        if value is not None and not 0 <= value <= 1:
            yield name, f"{value:g} is not between 0 and 1"
    yield from _bounds("noise_rate", estimate.noise_rate, 0, 1)
    yield from _bounds("gap", estimate.gap, -1, 1)
    yield from _bounds("clean_level", estimate.clean_level, 0, math.inf)
    for i, level in enumerate(estimate.class_clean_level):
        bounded = Bounded(level.value, level.low, level.high)
        yield from _bounds(f"class_clean_level.{i}", bounded, 0, math.inf)
    for i, row in enumerate(estimate.transition):
        for j, value in enumerate(row):
            low, high = estimate.transition_low[i][j], estimate.transition_high[i][j]
            yield from _bounds(f"transition.{i}.{j}", Bounded(value, low, high), 0, 1)
    yield from _crowd(estimate)
    if not estimate.seconds >= 0:
        yield "seconds", f"{estimate.seconds:g} is below 0"
    counts = (estimate.data.n, *estimate.data.given_counts)
    if min(counts) < 0 or (estimate.issues and estimate.issues.count < 0):
        yield "data", "a count is below 0"


def _crowd(estimate: NoiseEstimate) -> Iterator[Problem]:
    """Yield what is wrong with the summary of several annotators."""
    crowd, K = estimate.crowd, len(estimate.data.classes)
    if crowd is None:
        return
    for name in ("kappa", "ac1", "alpha", "error_correlation"):
        found = getattr(crowd, name)
        if found is not None:
            yield from _bounds(f"crowd.{name}", found, -1, 1)
    yield from _bounds("crowd.effective", crowd.effective, 0, math.inf)
    for i, one in enumerate(crowd.annotators):
        yield from _bounds(f"crowd.annotators.{i}.noise_rate", one.noise_rate, 0, 1)
        for part in ("transition", "transition_low", "transition_high"):
            rows = getattr(one, part)
            if len(rows) != K or any(len(row) != K for row in rows):
                yield f"crowd.annotators.{i}.{part}", f"not {K} x {K}, one row and column per class"


def _promises(issues: IssuesFile | None) -> dict[str, float | None]:
    if issues is None:
        return {}
    return {
        f"issues.{name}.{part}": getattr(promise, part)
        for name, promise in (
            ("expected_precision", issues.expected_precision),
            ("by_kind.likely", issues.by_kind.likely),
            ("by_kind.possible", issues.by_kind.possible),
        )
        for part in ("value", "low", "high")
    }


def _shares_of(name: str, found: OtherEstimate | Truth | None) -> dict[str, float | None]:
    return {} if found is None else {f"{name}.noise_rate": found.noise_rate}


def _bounds(name: str, found: Bounded, least: float, most: float) -> Iterator[Problem]:
    for part in ("low", "value", "high"):
        number = getattr(found, part)
        if not least - EXACT <= number <= most + EXACT:
            yield f"{name}.{part}", f"{number:g} is not between {least:g} and {most:g}"
    if not found.low <= found.value + EXACT or not found.value <= found.high + EXACT:
        yield (
            name,
            f"low {found.low:g}, value {found.value:g}, high {found.high:g} are not in order",
        )


def _agreement(estimate: NoiseEstimate) -> Iterator[Problem]:
    """Yield the fields that contradict other fields."""
    T, prior, data = estimate.transition, estimate.class_prior, estimate.data
    yield from _sums("transition", T)
    if estimate.truth is not None:
        yield from _sums("truth.transition", estimate.truth.transition)
    if min(prior) < 0 or abs(math.fsum(prior) - 1) > ROUNDED:
        yield "class_prior", "not shares that sum to 1"
    if sum(data.given_counts) != data.n:
        yield "data.n", f"{data.n} examples, and given_counts sum to {sum(data.given_counts)}"
    rate = 1 - math.fsum(share * T[i][i] for i, share in enumerate(prior))
    if abs(estimate.noise_rate.value - rate) > ROUNDED:
        yield "noise_rate.value", f"{estimate.noise_rate.value:g}, and transition says {rate:.4g}"
    levels = [_level(T, i) for i in range(len(T))]
    for i, level in enumerate(estimate.class_clean_level):
        if not _is_near(level.value, levels[i]):
            yield f"class_clean_level.{i}.value", _otherwise(level.value, levels[i])
    if not _is_near(estimate.clean_level.value, min(levels)):
        yield "clean_level.value", _otherwise(estimate.clean_level.value, min(levels))
    low, high = estimate.clean_level.low, estimate.clean_level.high
    if estimate.dominant is not (True if low > 1 else False if high < 1 else None):
        yield "dominant", f"{estimate.dominant}, and the clean level is {low:g} to {high:g}"


def _sums(name: str, rows: Rows) -> Iterator[Problem]:
    for i, row in enumerate(rows):
        if min(row) < -EXACT or abs(math.fsum(row) - 1) > EXACT * len(row):
            yield f"{name}.{i}", f"not shares that sum to 1 (they sum to {math.fsum(row):.6g})"


def _level(T: Rows, i: int) -> float:
    """Return r_i = T[i, i] / max over j of T[i, j]."""
    largest = max(value for j, value in enumerate(T[i]) if j != i)
    return T[i][i] / largest if largest > 0 else math.inf


def _is_near(value: float, other: float) -> bool:
    """Whether two clean levels agree; all beyond a million count as infinite."""
    return math.isclose(value, other, rel_tol=1e-3, abs_tol=1e-3) or min(value, other) > 1e6


def _otherwise(value: float, other: float) -> str:
    return f"{value:g}, and transition says {other:.6g}"
