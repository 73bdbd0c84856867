"""The search for loss parameters whose asymmetry ratio exceeds the bound, with certificates.

First the ratio is chosen for robustness: the lower confidence bound of the clean level r gives the
ratio that is required. Among the losses of a family with that ratio, the one that fits best is
taken, because a higher ratio fits less (Zhou et al., ICML 2021). Then the weight is chosen so that
learning rate times fit score reaches a target (`aims.py`).
"""

import math
from dataclasses import replace
from typing import Literal

import numpy as np

from alfs_cli.certificate import certify
from alfs_cli.certificate.tuning import TUNING as CERTIFICATES
from alfs_cli.errors import InputError, UsageError, unknown
from alfs_cli.losses import LOSSES, Loss, parse_loss
from alfs_cli.losses.fitting import fit_score
from alfs_cli.losses.vector import ANLCE, JALCE
from alfs_cli.noise import TransitionMatrix
from alfs_cli.recommending.advice import advice_on
from alfs_cli.recommending.aims import (
    PREFERENCES,
    fit_target,
    is_curved,
    is_easy,
    least_level,
    target_ratio,
    wrong_classes,
)
from alfs_cli.recommending.audited import with_audit
from alfs_cli.recommending.families import FAMILIES, Wanted, member, mild_member
from alfs_cli.recommending.tuning import TUNING
from alfs_cli.results.estimate import NoiseEstimate
from alfs_cli.results.recommendation import (
    AuditReference,
    DataReference,
    LevelReference,
    Recommendation,
    Recommendations,
    Rejected,
)

Status = Literal["certified", "uncertain", "impossible"]

# the order of preference for classes that hardly overlap or have curved borders
ROBUST_ORDER = ("nce+rce", *(family for family in FAMILIES if family != "nce+rce"))
REJECTED = ("ce", "fl", "gce", "sce", "nce", "nfl", "eps-ce+mae")
ANL_SYMMETRIC = "its passive term is symmetric: robust wherever the clean label leads"


def recommend(
    estimate: NoiseEstimate,
    *,
    estimate_path: str,
    safety: float | None = None,
    lr: float = 0.01,
    prefer: str = "balanced",
    losses: tuple[str, ...] | None = None,
    audit: AuditReference | None = None,
) -> Recommendations:
    """Return losses for an estimate, best first, each with its certificate on the estimate's T.

    If the noise is concentrated on few pairs of classes, a mildly robust loss with forward
    correction comes first; it has no certificate. Among equally certified losses, those with which
    training recovers a class that it lost early come first. `safety` is the factor by which the
    ratio exceeds the bound, by default `TUNING.safety`. `losses` keeps only these families, without
    correction; with `audit` certificates rest on the clean level r that it shows.

    Raises UsageError for a safety below 1, a learning rate that is not positive, or an unknown
    preference or family; InputError for an estimate whose parts do not fit together.
    """
    safety = TUNING.safety if safety is None else safety
    _check_options(safety=safety, lr=lr, prefer=prefer)
    for name in losses or ():
        _check_family(name)
    check_estimate(estimate, where=estimate_path)
    if audit is not None:
        estimate = with_audit(estimate, audit)
    level = estimate.clean_level
    required = min(1.0, safety / level.low) if level.low > 0 else 1.0
    wanted = Wanted(
        num_classes=len(estimate.data.classes),
        ratio=target_ratio(estimate, required, prefer),
        fit=fit_target(estimate, prefer) / lr,
        gap=estimate.gap.low / safety,
        is_easy=is_easy(estimate),
    )
    takes_more = is_easy(estimate) or is_curved(estimate)
    families = ROBUST_ORDER if takes_more else FAMILIES
    texts = [member(family, wanted) for family in families if losses is None or family in losses]
    found = [_judge(text, estimate, required) for text in texts if text is not None]
    found.sort(key=_is_slow)  # stable: the order of the families otherwise
    status, chosen = _standing(found, estimate)
    if losses is None and (corrected := _corrected(estimate, prefer, lr)) is not None:
        chosen = [corrected, *chosen]
    return Recommendations(
        estimate=estimate_path,
        data=DataReference(estimate.data.source, estimate.data.kind, estimate.data.fingerprint),
        status=status,
        clean_level=LevelReference(level.value, level.low),
        bound=estimate.bound,
        required_ratio=required,
        safety=safety,
        lr=lr,
        recommendations=tuple(chosen),
        rejected=tuple(_reject(parse_loss(name), estimate) for name in REJECTED),
        prefer=prefer,
        advice=advice_on(estimate, status, safety, audit),
        audit=audit,
    )


def _check_options(*, safety: float, lr: float, prefer: str) -> None:
    if not (math.isfinite(safety) and safety >= 1):
        raise UsageError(f"--safety is {safety}, below 1", help="for example --safety 1.25")
    if not (math.isfinite(lr) and lr > 0):
        raise UsageError(f"--lr is {lr}, not above 0", help="for example --lr 0.01")
    if prefer not in PREFERENCES:
        raise unknown("preference", prefer, PREFERENCES)


def _check_family(name: str) -> None:
    """Raise UsageError for the name of a loss that is not a family of recommendations."""
    if name in LOSSES and name not in (*REJECTED, *FAMILIES):
        raise UsageError(
            f"'{name}' is not a family of losses whose parameters are recommended",
            help=f"families: {', '.join(FAMILIES)}; alfs losses check {name} judges it",
        )
    if name in REJECTED:
        raise UsageError(
            f"no parameters of '{name}' are certified, whatever the noise",
            help=f"families: {', '.join(FAMILIES)}; without --losses, forward correction may help",
        )
    if name not in FAMILIES:
        raise unknown("loss family", name, FAMILIES)


def check_estimate(estimate: NoiseEstimate, *, where: str) -> None:
    """Raise InputError where the parts of an estimate contradict each other, as in edited files."""
    names = estimate.data.classes
    K, level = len(names), estimate.clean_level
    said = {level.true_class, level.given_class}
    for cls in estimate.class_clean_level:
        said |= {cls.class_name, cls.runner_up}
    sizes = {len(estimate.transition), len(estimate.class_prior), len(estimate.data.given_counts)}
    sizes |= {len(row) for row in estimate.transition}
    if sizes != {K} or not said <= set(names):
        raise InputError(
            f"{where}: its transition, class_prior and classes do not fit together",
            help="make it anew with `alfs estimate DATA`",
        )
    TransitionMatrix(np.array(estimate.transition))


# Correction.


def _corrected(estimate: NoiseEstimate, prefer: str, lr: float) -> Recommendation | None:
    """Return a mildly robust loss of log(T^T p) if forward correction is likely to help."""
    K, value = len(estimate.data.classes), wrong_classes(estimate)
    is_noisy = estimate.noise_rate.value >= TUNING.nearly_clean
    pays = value < TUNING.most_wrong_classes and is_noisy and K > 2
    if not pays or prefer == "robustness" or estimate.dominant is False:
        return None
    level = least_level(estimate)
    T = TransitionMatrix(np.array(estimate.transition)).held_apart(level).array
    fit = fit_target(estimate, prefer, is_corrected=True) / lr
    text = mild_member(Wanted(num_classes=K, ratio=0.0, fit=fit, gap=0.0, T=T))
    if text is None:
        return None
    return Recommendation(
        loss=text,
        correction="forward",
        asymmetry_ratio=None,
        term_ratio=None,
        margin=None,
        certificate="n/a",
        mass_at_bound=None,
        fit=fit_score(parse_loss(text), K),
        least_level=level,
        why=f"wrong labels go to few classes ({value:.2g}; {K - 1} where spread evenly): the "
        "loss of log(T^T p) lets T explain the wrong labels; it relies on the estimated T (trust "
        f"{estimate.trust.level}), and has no certificate"
        + (f"; classes that swap labels are held apart by {level:g} in T" if level else ""),
    )


# Judging.


def _judge(text: str, estimate: NoiseEstimate, required: float) -> Recommendation:
    loss = parse_loss(text)
    certificate = certify(loss, estimate.transition)
    ratio, margin, why = _condition(loss, estimate, required)
    masses = [row.mass_at_bound for row in certificate.rows if row.mass_at_bound is not None]
    parts, slope, low = [why], loss.escape_slope(), estimate.clean_level.low
    escape = None if slope is None or low <= 0 else slope * low
    if escape is not None and escape < CERTIFICATES.slow_escape:
        parts.append(
            f"comes after others: escape quotient {escape:.2f}, so that a class lost early "
            + ("hardly comes back" if escape > 1 else "stays lost")
        )
    if text.startswith("nce+"):
        parts.append("the NCE term keeps a gradient on unlikely examples")
    if math.isinf(margin):
        parts.append("no noise to withstand")
    return Recommendation(
        loss=text,
        correction="none",
        asymmetry_ratio=loss.asymmetry_ratio(),
        term_ratio=ratio,
        margin=margin,
        certificate=certificate.verdict,
        mass_at_bound=min(masses) if masses else None,
        fit=fit_score(loss, len(estimate.data.classes)),
        why="; ".join(parts),
        escape=escape,
    )


def _standing(
    found: list[Recommendation], estimate: NoiseEstimate
) -> tuple[Status, list[Recommendation]]:
    """Return the status of the recommendation, and the losses that have it."""
    proved = [r for r in found if r.certificate == "proved" and (r.margin or 0.0) >= 1]
    if estimate.clean_level.low <= 1:
        proved = []
        found = [_unproved(r) for r in found if r.term_ratio == 1.0]
    if proved:
        return "certified", proved
    return ("impossible" if estimate.dominant is False else "uncertain"), found


def _is_slow(item: Recommendation) -> bool:
    """Return whether training hardly recovers a lost class, at the lower bound of r."""
    return item.escape is not None and item.escape < CERTIFICATES.slow_escape


def _condition(
    loss: Loss, estimate: NoiseEstimate, required: float
) -> tuple[float | None, float, str]:
    """Return the ratio that decides, the margin at the lower bound of r, and a sentence on it.

    A symmetric passive term has the condition of a loss with ratio 1: the clean label leads. The
    condition of AMSE is a gap: a (T[i, i] - T[i, j]) >= 1 (Wang et al., ICCV 2025).
    """
    match loss.terms:
        case (ANLCE(),):
            return 1.0, estimate.clean_level.low, ANL_SYMMETRIC
        case (JALCE(a=a),):
            gap = estimate.gap.low
            return None, a * gap, f"a = {a:g} times the least lead {gap:.3f} of T is over 1"
    ratio = loss.term_ratio() or 0.0
    why = f"ratio {ratio:.3f} where {required:.3f} is required"
    if ratio >= 1:
        why = "ratio 1: robust wherever the clean label leads"
    return ratio, ratio * estimate.clean_level.low, why


def _unproved(found: Recommendation) -> Recommendation:
    return replace(
        found,
        certificate="not-refuted",
        why="completely asymmetric: robust if the clean label leads, which is not shown here",
    )


def _reject(loss: Loss, estimate: NoiseEstimate) -> Rejected:
    """Return why a well-known loss has no certificate, which does not make it inconsistent."""
    ratio = loss.asymmetry_ratio()
    if ratio is None and certify(loss, estimate.transition, mass=False).verdict == "tolerant":
        reason = "tolerant: this noise moves none of its minima, but e_m is not the only one"
    elif str(loss).startswith("eps-ce"):
        reason = "infinite where a wrong label has probability 1, however sharp the softmax"
    elif ratio is None:
        reason = "symmetric, but e_m is not its only minimum, and uneven noise moves it"
    else:
        reason = f"ratio {ratio:.3g}: wrong labels keep pulling, however rare they are"
    return Rejected(str(loss), ratio, reason)
