"""Families of losses: from a ratio that is required to the text of a loss, and its weight."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.losses import Loss, parse_loss
from alfs_cli.losses.fitting import corrected_fit_score, fit_score
from alfs_cli.recommending.tuning import TUNING

ACTIVE_SHARES = {"easy": 0.2, "hard": 0.5}  # of a sum's fit score, what its NCE term gives
MILD = "gce:q=0.1"  # a milder one starves no class: gce:q=0.3 lost one of ten digits at times
GAP = 1e-3  # the least gap between two rows' entries that JAL's a is made for


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
"""Terms with a ratio below 1: the candidates of a required ratio."""

COMPLETE: dict[str, tuple[str, ...]] = {
    "rce": ("rce:A=-4",),
    "agce": ("agce:a=1,q=1.5",),
    "aul": ("aul:a=2,p=0.5",),
    "mae": ("mae:scale=1",),
}
"""Terms with members of ratio 1, certified wherever the clean label leads."""

FAMILIES = (
    "anl-ce", "nce+ael", "nce+rce", "nce+agce", "nce+aul", "jal-ce", "agce", "ael", "aul", "mae",
)  # fmt: skip
"""What `--losses` may name, in the order that suits classes which overlap."""


@dataclass(frozen=True)
class Wanted:
    """What a loss is to reach: its ratio, and its fit score for K classes.

    `gap` is the least lead T[i, i] - T[i, j] that is sure, safety included, for the losses whose
    condition is a gap. `is_easy` says that classes hardly overlap. T (K, K) is given where the loss
    is of log(T^T p).
    """

    num_classes: int
    ratio: float
    fit: float
    gap: float
    is_easy: bool = False
    T: FloatArray | None = None

    def score(self, text: str) -> float:
        """Return the fit score of a loss as it will be trained."""
        loss = parse_loss(text)
        if self.T is None:
            return fit_score(loss, self.num_classes)
        return corrected_fit_score(loss, self.T)


def member(family: str, wanted: Wanted) -> str | None:
    """Return the family's loss of the wanted ratio that fits best, weighed; None if it has none."""
    if family == "anl-ce":
        # the authors' weights are 5 and 5 for ten classes, 10 and 1 for a hundred
        passive = 0.1 if wanted.num_classes >= TUNING.many_classes else 1.0
        return weighed(lambda c: f"anl-ce:alpha={c:.3g},beta={c * passive:.3g}", wanted)
    if family == "jal-ce":
        if wanted.gap < GAP:
            return None
        a = _up(1 / wanted.gap)
        return weighed(lambda c: f"jal-ce:a={a},alpha={c:.3g},beta={c:.3g}", wanted)
    term = family.removeprefix("nce+")
    if wanted.ratio < 1 and term in PARTIAL:
        texts = list(PARTIAL[term](wanted.ratio))
    elif term in COMPLETE:
        texts = list(COMPLETE[term])
    else:
        return None
    best = max(texts, key=lambda text: shape_index(parse_loss(text), wanted.num_classes))
    return _sum(best, wanted) if family.startswith("nce+") else _single(best, wanted)


def mild_member(wanted: Wanted) -> str | None:
    """Return a mildly robust loss for the corrected posterior; None where it would not fit."""
    return _single(MILD, wanted) if wanted.score(MILD) > 0 else None


def shape_index(loss: Loss, num_classes: int) -> float:
    """Return sigma = g(1/K) / (K g(1)) of a separable loss: its fitting whatever its scale."""
    part = loss.separable(num_classes)
    if part is None:
        return 0.0
    g = part.slope(np.array([1 / num_classes, 1.0]))
    return float(g[0] / (num_classes * g[1])) if g[1] > 0 else math.inf


def _single(text: str, wanted: Wanted) -> str:
    name, _, parameters = text.partition(":")
    return weighed(lambda c: f"{name}:{parameters},alpha={c:.3g}", wanted)


def _sum(text: str, wanted: Wanted) -> str:
    """Add NCE, which keeps unlikely examples moving and gives its share of the fit."""
    share = ACTIVE_SHARES["easy" if wanted.is_easy else "hard"]
    active = float(f"{share * wanted.fit / wanted.score('nce'):.2g}")
    name, _, parameters = text.partition(":")
    return weighed(lambda c: f"nce+{name}:{parameters},alpha={active:g},beta={c:.3g}", wanted)


def weighed(text: Callable[[float], str], wanted: Wanted) -> str:
    """Return the text of the weight whose fit score reaches what is wanted, by bisection."""
    low, high = -6.0, 6.0
    for _ in range(30):
        middle = (low + high) / 2
        score = wanted.score(text(10.0**middle))
        low, high = (middle, high) if score < wanted.fit else (low, middle)
    return str(parse_loss(text(10.0**high)))
