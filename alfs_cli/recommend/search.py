"""Loss parameters whose asymmetry ratio exceeds the bound, each with its certificate.

The ratio is chosen for robustness, the scale for fitting, one after the other: the lower confidence
bound of the clean level r gives the ratio that is required; among the shapes of a family with that
ratio the one that fits best is taken (Zhou et al., ICML 2021: a higher ratio fits less); the weight
is then set so that learning rate times fit score reaches a target. Which family comes first, and
when T is to be used in training, was learnt on CIFAR-10's encoder features and judged on other
data: `benchmarks/regret.py`.
"""

import math
from dataclasses import replace
from typing import Literal

import numpy as np

from alfs_cli.certificate import certify
from alfs_cli.errors import UsageError, unknown
from alfs_cli.estimate import NoiseEstimate
from alfs_cli.fitting import fit_score
from alfs_cli.losses import Loss, parse_loss
from alfs_cli.recommend.advice import NEARLY_CLEAN, advice_on
from alfs_cli.recommend.content import (
    DataReference,
    LevelReference,
    Recommendation,
    Recommendations,
    Rejected,
)
from alfs_cli.recommend.families import FAMILIES, Wanted, member, mild_member

SAFETY = 1.25  # margins just above 1 train poorly; from the paper's own tables
EASY_RATIO = 0.85  # what easy data can afford, and the paper used on MNIST
EASY_AGREEMENT = 0.81  # of right labels, out of sample

# Learning rate times fit score to aim at: half of it underfits and twice of it memorises where the
# classes overlap, or where few examples lead by little. Easy data can take more.
TARGET = 0.017
EASY_TARGETS = 0.009, 0.12  # the least, where right labels lead by little, and the most
CORRECTED_TARGET = 0.01
EASY_CORRECTED_TARGETS = 0.015, 0.05
LITTLE_LEAD = 5.0
NO_LEAD = 2.0
PREFERENCES = {"robustness": 0.5, "balanced": 1.0, "fit": 2.0}  # times the target
EASY_ORDER = ("nce+rce", *(family for family in FAMILIES if family != "nce+rce"))
CONCENTRATED = 0.125  # r over that of symmetric noise of the same rate: below it T is worth using
REJECTED = ("ce", "fl", "gce", "sce", "nce", "nfl", "eps-ce+mae")
ANL_SYMMETRIC = "its passive term is symmetric: robust wherever the clean label leads"


def recommend(
    estimate: NoiseEstimate,
    *,
    estimate_path: str,
    safety: float = SAFETY,
    lr: float = 0.01,
    prefer: str = "balanced",
    losses: tuple[str, ...] | None = None,
) -> Recommendations:
    """Return losses for an estimate, best first, each with its certificate on the estimate's T.

    Where noise is concentrated on few pairs of classes a mildly robust loss of the corrected
    posterior comes first; its certificate is that of the loss alone. `losses` keeps only these
    families, uncorrected. Raises UsageError for a safety below 1, a learning rate that is not
    positive, an unknown preference or family.
    """
    if not (math.isfinite(safety) and safety >= 1):
        raise UsageError(f"--safety is {safety}, below 1")
    if not (math.isfinite(lr) and lr > 0):
        raise UsageError(f"--lr is {lr}, not above 0")
    if prefer not in PREFERENCES:
        raise unknown("preference", prefer, PREFERENCES)
    for name in losses or ():
        if name not in FAMILIES:
            raise unknown("loss family", name, FAMILIES)
    level = estimate.clean_level
    required = min(1.0, safety / level.low) if level.low > 0 else 1.0
    wanted = Wanted(
        num_classes=len(estimate.data.classes),
        ratio=target_ratio(estimate, required, prefer),
        fit=fit_target(estimate, prefer) / lr,
        gap=estimate.gap.low / safety,
        is_easy=is_easy(estimate),
    )
    families = EASY_ORDER if is_easy(estimate) else FAMILIES
    texts = [member(family, wanted) for family in families if losses is None or family in losses]
    found = [_judge(text, estimate, required) for text in texts if text is not None]
    proved = [r for r in found if r.certificate == "proved" and r.margin >= 1]
    if level.low <= 1:
        proved = []
        found = [_unproved(r) for r in found if r.term_ratio == 1.0]
    status: Literal["certified", "uncertain", "impossible"] = "certified"
    if not proved:
        status = "impossible" if estimate.dominant is False else "uncertain"
    chosen = proved or found
    if losses is None and (corrected := _corrected(estimate, required, prefer, lr)) is not None:
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
        rejected=tuple(_reject(parse_loss(name)) for name in REJECTED),
        prefer=prefer,
        advice=advice_on(estimate, status, safety),
    )


def target_ratio(estimate: NoiseEstimate, required: float, prefer: str) -> float:
    """Return the ratio to aim at: easy data and caution can afford more than is required."""
    if prefer == "robustness" or (prefer == "balanced" and is_easy(estimate)):
        return max(required, EASY_RATIO)
    return max(required, 1 / len(estimate.data.classes))


def fit_target(estimate: NoiseEstimate, prefer: str, *, is_corrected: bool = False) -> float:
    """Return learning rate times fit score to aim at.

    A network learns a class from the lead of its own label over others, of which n examples with
    lead T[i, i] - T[i, j] give lead x sqrt(n) in standard deviations. Easy data can be fitted
    faster by the square of that over LITTLE_LEAD, up to a limit, before the network remembers wrong
    labels; where classes overlap it remembers the overlap.
    """
    base = CORRECTED_TARGET if is_corrected else TARGET
    if is_easy(estimate):
        least, most = EASY_CORRECTED_TARGETS if is_corrected else EASY_TARGETS
        base = min(most, least * max(1.0, lead(estimate) / LITTLE_LEAD) ** 2)
    return base * PREFERENCES[prefer]


def lead(estimate: NoiseEstimate) -> float:
    """Return the least over the classes of (T[i, i] - max T[i, j]) sqrt(n_i), 0 or more."""
    n = estimate.data.n
    return max(
        0.0,
        min(
            (row[i] - max(row[:i] + row[i + 1 :])) * math.sqrt(prior * n)
            for i, (row, prior) in enumerate(
                zip(estimate.transition, estimate.class_prior, strict=True)
            )
        ),
    )


def is_easy(estimate: NoiseEstimate) -> bool:
    """Say whether classes hardly overlap; where right labels lead by next to nothing, taken so."""
    return relative_agreement(estimate) >= EASY_AGREEMENT or lead(estimate) < NO_LEAD


def relative_agreement(estimate: NoiseEstimate) -> float:
    """Return out-of-sample agreement over the share of right labels: near 1 on easy data."""
    return min(1.0, estimate.evidence.agreement / max(1 - estimate.noise_rate.value, 1e-9))


# Correction.


def concentration(estimate: NoiseEstimate) -> float:
    """Return r over that of symmetric noise of the same rate: 1 where noise is spread evenly.

    Symmetric noise of rate e has r = (1 - e) (K - 1) / e. Small values say that wrong labels go to
    few classes: there every robust loss starves the class that loses, and T tells it which it is.
    """
    rate, K = estimate.noise_rate.value, len(estimate.data.classes)
    if rate <= 0 or rate >= 1:
        return 1.0
    return estimate.clean_level.value * rate / ((1 - rate) * (K - 1))


def _corrected(
    estimate: NoiseEstimate, required: float, prefer: str, lr: float
) -> Recommendation | None:
    """Return a mildly robust loss of log(T^T p), where T is likely to pay for being used."""
    K, value = len(estimate.data.classes), concentration(estimate)
    pays = value < CONCENTRATED and estimate.noise_rate.value >= NEARLY_CLEAN and K > 2
    if not pays or prefer == "robustness" or estimate.dominant is False:
        return None
    T = np.array(estimate.transition)
    fit = fit_target(estimate, prefer, is_corrected=True) / lr
    text = mild_member(Wanted(num_classes=K, ratio=0.0, fit=fit, gap=0.0, T=T))
    if text is None:
        return None
    return replace(
        _judge(text, estimate, required),
        correction="forward",
        why=f"noise goes to few classes (r is {value:.2g} of that of noise spread evenly): the "
        "loss of log(T^T p) lets T explain the wrong labels; rests on the estimated T (trust "
        f"{estimate.trust.level}), the certificate is that of the loss without it",
    )


# Judging.


def _judge(text: str, estimate: NoiseEstimate, required: float) -> Recommendation:
    loss = parse_loss(text)
    certificate = certify(loss, estimate.transition)
    ratio, margin, why = _condition(loss, estimate, required)
    masses = [row.mass_at_bound for row in certificate.rows if row.mass_at_bound is not None]
    parts = [why]
    if text.startswith("nce+"):
        parts.append("the NCE term keeps unlikely examples moving")
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
    )


def _condition(
    loss: Loss, estimate: NoiseEstimate, required: float
) -> tuple[float | None, float, str]:
    """Return the ratio that counts, the margin at the lower bound, and the condition in words.

    A symmetric passive term wants what a ratio of 1 wants, that the clean label leads. AMSE's
    condition is a gap: a (T[i, i] - T[i, j]) >= 1 (Wang et al., ICCV 2025).
    """
    name = str(loss).partition(":")[0]
    if name == "anl-ce":
        return 1.0, estimate.clean_level.low, ANL_SYMMETRIC
    if name == "jal-ce":
        a = float(str(loss).partition("a=")[2].partition(",")[0])
        margin = a * estimate.gap.low
        return None, margin, f"a = {a:g} times the least lead {estimate.gap.low:.3f} of T is over 1"
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


def _reject(loss: Loss) -> Rejected:
    """Say why a well-known loss has no certificate; that does not make it inconsistent."""
    ratio = loss.asymmetry_ratio()
    if str(loss).startswith("eps-ce"):
        reason = "infinite where a wrong label is sure of itself, however sharp the softmax"
    elif ratio is None:
        reason = "symmetric, but e_m is not its only minimum"
    else:
        reason = f"ratio {ratio:.3g}: wrong labels keep pulling, however rare they are"
    return Rejected(str(loss), ratio, reason)
