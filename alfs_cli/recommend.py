"""Loss parameters whose asymmetry ratio exceeds the bound, each with its certificate.

The ratio is chosen for robustness, the scale for fitting, one after the other: the lower confidence
bound of the clean level r gives the ratio that is required; among the shapes of a family with that
ratio the one that fits best is taken (Zhou et al., ICML 2021: a higher ratio fits less); the weight
is then set so that learning rate times fit score reaches a target.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from alfs_cli.certificate import certify
from alfs_cli.documents import Number, from_document, read_document, to_document, write_document
from alfs_cli.errors import UsageError, unknown
from alfs_cli.estimate import NoiseEstimate
from alfs_cli.fitting import fit_score
from alfs_cli.losses import Loss, parse_loss

SCHEMA = "alfs.recommendation/1"
SAFETY = 1.25  # margins just above 1 train poorly; from the paper's own tables
EASY_RATIO = 0.85  # what easy data can afford, and the paper used on MNIST
EASY_AGREEMENT = 0.95

# Learning rate times fit score that each preference aims at. The paper's CIFAR-10 sums have .002
# (nce+ael) to .024 (nce+agce); below 5e-4 its losses underfit.
TARGETS = {"robustness": 0.005, "balanced": 0.01, "fit": 0.03}
PREFERENCES = tuple(TARGETS)
MANY_CLASSES = 50
NEARLY_CLEAN = 0.02  # a noise rate below which cross entropy is worth its simplicity
REJECTED = ("ce", "fl", "gce", "sce", "nce", "nfl")


@dataclass(frozen=True)
class DataReference:
    """The data a recommendation was made for."""

    source: str | None
    kind: str
    fingerprint: str


@dataclass(frozen=True)
class LevelReference:
    """The clean level and its lower bound."""

    value: Number
    low: Number


@dataclass(frozen=True)
class Recommendation:
    """A loss, what its certificate says, and why it is here.

    `margin` is the ratio (of the separable term, in a sum) times the lower bound of r.
    """

    loss: str
    correction: Literal["none", "forward"]
    asymmetry_ratio: Number | None
    term_ratio: Number | None
    margin: Number
    certificate: Literal["proved", "refuted", "not-refuted"]
    mass_at_bound: Number | None
    fit: Number
    why: str


@dataclass(frozen=True)
class Rejected:
    """A well-known loss that has no certificate here, and the reason."""

    loss: str
    asymmetry_ratio: Number | None
    reason: str


@dataclass(frozen=True)
class Recommendations:
    """The content of recommendation.json."""

    estimate: str
    data: DataReference
    status: Literal["certified", "uncertain", "impossible"]
    clean_level: LevelReference
    bound: Number
    required_ratio: float
    safety: float
    lr: float
    recommendations: tuple[Recommendation, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    prefer: str = "balanced"
    advice: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, object]:
        """Return the JSON document."""
        return to_document(SCHEMA, self)

    def save(self, path: Path) -> None:
        """Write recommendation.json."""
        write_document(path, self.document())


def load_recommendations(path: Path) -> Recommendations:
    """Read a recommendation.json; raises InputError where it is missing, broken or newer."""
    return from_document(read_document(path, SCHEMA), Recommendations, where=str(path))


# Families: from a required ratio to the text of a loss.


def agce_text(ratio: float, q: float) -> str:
    """Return AGCE whose ratio (a / (a + 1))^(1 - q) is at least `ratio`, q < 1."""
    s = ratio ** (1 / (1 - q))
    return f"agce:a={_up(s / (1 - s))},q={q:g}"


def aul_text(ratio: float, p: float) -> str:
    """Return AUL whose ratio ((a - 1) / a)^(p - 1) is at least `ratio`, p > 1."""
    above = 1 / (1 - ratio ** (1 / (p - 1))) - 1
    return f"aul:a={1 + float(_up(above)):.10g},p={p:g}"


def ael_text(ratio: float) -> str:
    """Return AEL whose ratio exp(-1 / a) is at least `ratio`."""
    return f"ael:a={_up(-1 / math.log(ratio))}"


def _up(value: float) -> str:
    """Write a number with three significant digits, rounded up."""
    if value <= 0:
        return "1e-06"
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return f"{math.ceil(value / unit - 1e-9) * unit:.6g}"


PARTIAL: dict[str, Callable[[float], Iterator[str]]] = {
    "ael": lambda ratio: iter([ael_text(ratio)]),
    "agce": lambda ratio: (agce_text(ratio, q) for q in (0.2, 0.4, 0.6, 0.8)),
    "aul": lambda ratio: (aul_text(ratio, p) for p in (1.5, 2.0, 3.0)),
}
"""Families with a ratio below 1: the candidates of a required ratio."""

COMPLETE: dict[str, tuple[str, ...]] = {
    "rce": ("rce:A=-4",),
    "agce": ("agce:a=1,q=1.5",),
    "aul": ("aul:a=2,p=0.5",),
    "mae": ("mae:scale=1",),
}
"""Families with members of ratio 1, certified wherever the clean label leads."""

ORDER = {
    # sums first: the NCE term keeps small probabilities moving without touching the certificate
    "balanced": ("nce+rce", "nce+ael", "nce+agce", "nce+aul", "ael", "agce", "mae", "aul"),
    "robustness": ("nce+rce", "nce+agce", "mae", "nce+ael", "nce+aul", "agce", "ael", "aul"),
    "fit": ("nce+agce", "nce+aul", "nce+rce", "nce+ael", "agce", "aul", "ael", "mae"),
}


def recommend(
    estimate: NoiseEstimate,
    *,
    estimate_path: str,
    safety: float = SAFETY,
    lr: float = 0.01,
    prefer: str = "balanced",
    losses: tuple[str, ...] | None = None,
) -> Recommendations:
    """Return losses for an estimate, best first, each certified on its T.

    `losses` keeps only these families. Raises UsageError for a safety below 1, a learning rate
    that is not positive, an unknown preference or family.
    """
    if not (math.isfinite(safety) and safety >= 1):
        raise UsageError(f"--safety is {safety}, below 1")
    if not (math.isfinite(lr) and lr > 0):
        raise UsageError(f"--lr is {lr}, not above 0")
    if prefer not in PREFERENCES:
        raise unknown("preference", prefer, PREFERENCES)
    for name in losses or ():
        if name not in ORDER[prefer]:
            raise unknown("loss family", name, ORDER[prefer])
    level = estimate.clean_level
    required = min(1.0, safety / level.low) if level.low > 0 else 1.0
    is_possible = estimate.dominant is not False
    target = TARGETS[prefer]
    found = [
        _judge(text, estimate, required)
        for family in ORDER[prefer]
        if losses is None or family in losses
        if (text := _member(family, estimate, required, lr, target, prefer)) is not None
    ]
    proved = [r for r in found if r.certificate == "proved" and r.margin >= 1]
    if level.low <= 1:
        proved = []
        found = [_unproved(r) for r in found if _is_complete(r)]
    status: Literal["certified", "uncertain", "impossible"] = "certified"
    if not proved:
        status = "uncertain" if is_possible else "impossible"
    return Recommendations(
        estimate=estimate_path,
        data=DataReference(estimate.data.source, estimate.data.kind, estimate.data.fingerprint),
        status=status,
        clean_level=LevelReference(level.value, level.low),
        bound=estimate.bound,
        required_ratio=required,
        safety=safety,
        lr=lr,
        recommendations=tuple(proved or found),
        rejected=tuple(_reject(parse_loss(name)) for name in REJECTED),
        prefer=prefer,
        advice=_advice(estimate, status),
    )


def _target_ratio(estimate: NoiseEstimate, required: float, prefer: str) -> float:
    """Return the ratio to aim at: easy data and caution can afford more than is required."""
    share = estimate.evidence.agreement / max(1 - estimate.noise_rate.value, 1e-9)
    is_easy = share >= EASY_AGREEMENT
    if prefer == "robustness" or (prefer == "balanced" and is_easy):
        return max(required, EASY_RATIO)
    return max(required, 1 / len(estimate.data.classes))


def _member(
    family: str, estimate: NoiseEstimate, required: float, lr: float, target: float, prefer: str
) -> str | None:
    """Return the family's loss of the wanted ratio and the best fit, scaled to the target."""
    K = len(estimate.data.classes)
    term = family.removeprefix("nce+")
    ratio = _target_ratio(estimate, required, prefer)
    if ratio < 1 and term in PARTIAL:
        texts = list(PARTIAL[term](ratio))
    elif term in COMPLETE:
        texts = list(COMPLETE[term])
    else:
        return None
    best = max(texts, key=lambda text: shape_index(parse_loss(text), K))
    return _scaled(best, family, K, target / lr)


def shape_index(loss: Loss, num_classes: int) -> float:
    """Return sigma = g(1/K) / (K g(1)) of a separable loss: its fitting whatever its scale."""
    part = loss.separable(num_classes)
    if part is None:
        return 0.0
    g = part.slope(np.array([1 / num_classes, 1.0]))
    return float(g[0] / (num_classes * g[1])) if g[1] > 0 else math.inf


def _scaled(text: str, family: str, num_classes: int, wanted: float) -> str:
    """Weigh a loss so that its fit score reaches what is wanted.

    In a sum the NCE term has weight 1, 10 where there are many classes as in the paper, or less
    where it alone would fit faster than half of what is wanted.
    """
    is_sum = family.startswith("nce+")
    share = 0.5 * wanted / fit_score(parse_loss("nce"), num_classes)
    active = min(10.0 if num_classes >= MANY_CLASSES else 1.0, float(f"{share:.1g}"))
    name, _, parameters = text.partition(":")

    def weighed(weight: float) -> str:
        w = f"{weight:.2g}"
        if is_sum:
            return f"nce+{name}:{parameters},alpha={active:g},beta={w}"
        return f"{name}:{parameters},alpha={w}"

    low, high = -4.0, 4.0
    for _ in range(30):
        middle = (low + high) / 2
        score = fit_score(parse_loss(weighed(10.0**middle)), num_classes)
        low, high = (middle, high) if score < wanted else (low, middle)
    return str(parse_loss(weighed(10.0**high)))


def _judge(text: str, estimate: NoiseEstimate, required: float) -> Recommendation:
    loss = parse_loss(text)
    certificate = certify(loss, estimate.transition)
    ratio = loss.term_ratio() or 0.0
    margin = ratio * estimate.clean_level.low
    masses = [row.mass_at_bound for row in certificate.rows if row.mass_at_bound is not None]
    return Recommendation(
        loss=text,
        correction="none",
        asymmetry_ratio=loss.asymmetry_ratio(),
        term_ratio=ratio,
        margin=margin,
        certificate=certificate.verdict,
        mass_at_bound=min(masses) if masses else None,
        fit=fit_score(loss, len(estimate.data.classes)),
        why=_why(loss, ratio, margin, required),
    )


def _why(loss: Loss, ratio: float, margin: float, required: float) -> str:
    parts = []
    if ratio >= 1:
        parts.append("ratio 1: robust wherever the clean label leads")
    else:
        parts.append(f"ratio {ratio:.3f} where {required:.3f} is required")
    if loss.asymmetry_ratio() is None:
        parts.append("the NCE term keeps unlikely examples moving")
    if margin >= 1:
        parts.append(f"margin {margin:.2f}" if math.isfinite(margin) else "no noise to withstand")
    return "; ".join(parts)


def _is_complete(found: Recommendation) -> bool:
    return found.term_ratio == 1.0


def _unproved(found: Recommendation) -> Recommendation:
    from dataclasses import replace

    return replace(
        found,
        certificate="not-refuted",
        why="completely asymmetric: robust if the clean label leads, which is not shown here",
    )


def _reject(loss: Loss) -> Rejected:
    """Say why a well-known loss has no certificate; that does not make it inconsistent."""
    ratio = loss.asymmetry_ratio()
    if ratio is None:
        reason = "symmetric, but e_m is not its only minimum"
    else:
        reason = f"ratio {ratio:.3g}: wrong labels keep pulling, however rare they are"
    return Rejected(str(loss), ratio, reason)


def _advice(estimate: NoiseEstimate, status: str) -> tuple[str, ...]:
    level = estimate.clean_level
    pair = f"'{level.true_class}' given as '{level.given_class}'"
    if status == "impossible":
        return (
            f"among examples that are '{level.true_class}' the label '{level.given_class}' is as "
            "frequent as the right one: no loss can tell them apart",
            f"re-check the labels {pair} (issues.csv lists the suspects), then estimate again",
        )
    if status == "uncertain":
        counts = dict(zip(estimate.data.classes, estimate.data.given_counts, strict=True))
        n = counts.get(level.true_class, 0)
        more = _times_more(level.value, level.low)
        text = f"the bound of r is {level.low:.2f}, its value {level.value:.2f}, at {pair}"
        if more is None:
            return (text, f"re-check the labels {pair}: more examples alone would not decide it")
        return (
            text,
            f"about {math.ceil(n * more):,} examples of '{level.true_class}' (now {n:,}) at the "
            "same noise would decide it",
        )
    if estimate.noise_rate.high < NEARLY_CLEAN:
        rate = 100 * estimate.noise_rate.high
        return (f"at most {rate:.1f} % of the labels are wrong: plain ce loses little here",)
    return ()


def _times_more(value: float, low: float) -> float | None:
    """Return how many times the examples would put the bound above 1; the gap falls as 1/sqrt n."""
    if value <= 1.02 or low <= 0 or not math.isfinite(value):
        return None
    return (math.log(value / low) / math.log(value)) ** 2 * 1.1
