"""Families of losses: from a required ratio to the parameters and the weight of a loss."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.losses import Loss, parse_loss
from alfs_cli.losses.fitting import corrected_fit_score, fit_score
from alfs_cli.recommending.tuning import TUNING

LEAST_GAP = 1e-3  # of T[i, i] - T[i, j]: a smaller one needs too large an a of JAL


def agce_text(ratio: float, q: float) -> str:
    """Return AGCE with the smallest a whose ratio (a / (a + 1))^(1 - q) is >= `ratio`, q < 1.

    >>> agce_text(0.5, 0.5)
    'agce:a=0.334,q=0.5'
    """
    s = ratio ** (1 / (1 - q))
    return f"agce:a={_up(s / (1 - s))},q={q:g}"


def aul_text(ratio: float, p: float) -> str:
    """Return AUL with the smallest a whose ratio ((a - 1) / a)^(p - 1) is >= `ratio`, p > 1."""
    above = 1 / (1 - ratio ** (1 / (p - 1))) - 1
    return f"aul:a={1 + float(_up(above)):.10g},p={p:g}"


def ael_text(ratio: float) -> str:
    """Return AEL with the smallest a whose ratio exp(-1 / a) is >= `ratio`."""
    return f"ael:a={_up(-1 / math.log(ratio))}"


def _up(value: float) -> str:
    """Return a number with three significant digits, rounded up, as text.

    >>> _up(1.2341), _up(0.0)
    ('1.24', '1e-06')
    """
    if value <= 0:
        return "1e-06"
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return f"{math.ceil(value / unit - 1e-9) * unit:.6g}"


PARTIAL: dict[str, Callable[[float], Iterator[str]]] = {
    "ael": lambda ratio: iter([ael_text(ratio)]),
    "agce": lambda ratio: (agce_text(ratio, q) for q in (0.2, 0.4, 0.6, 0.8)),
    "aul": lambda ratio: (aul_text(ratio, p) for p in (1.5, 2.0, 3.0)),
}
"""For each term, the candidates with a given ratio below 1."""

COMPLETE: dict[str, tuple[str, ...]] = {
    "rce": ("rce:A=-4",),
    "agce": ("agce:a=1,q=1.5",),
    "aul": ("aul:a=2,p=0.5",),
    "mae": ("mae:scale=1",),
}
"""For each term, the candidates with ratio 1, certified wherever the clean label leads."""

FAMILIES = (
    "anl-ce", "nce+ael", "nce+rce", "nce+agce", "nce+aul", "jal-ce", "agce", "ael", "aul", "mae",
)  # fmt: skip
"""The families that `--losses` may name, in the order of preference for overlapping classes."""


@dataclass(frozen=True)
class Wanted:
    """The requirements on a loss: its ratio, and its fit score for K classes.

    `gap` is the lower bound of min (T[i, i] - T[i, j]) divided by the safety factor, for losses
    whose condition is a gap. `is_easy` says that the classes hardly overlap. T (K, K) is given for
    a forward-corrected loss.
    """

    num_classes: int
    ratio: float
    fit: float
    gap: float
    is_easy: bool = False
    T: FloatArray | None = None

    def score(self, text: str) -> float:
        """Return the fit score of a loss, corrected by T if that is given."""
        loss = parse_loss(text)
        if self.T is None:
            return fit_score(loss, self.num_classes)
        return corrected_fit_score(loss, self.T)


def member(family: str, wanted: Wanted) -> str | None:
    """Return the loss of a family with the wanted ratio that fits best, with its weight set.

    None if the family has no loss of that ratio.
    """
    if family == "anl-ce":
        # The authors' weights are 5 and 5 for ten classes, 10 and 1 for a hundred.
        passive = 0.1 if wanted.num_classes >= TUNING.many_classes else 1.0
        return weighed(lambda c: f"anl-ce:alpha={c:.3g},beta={c * passive:.3g}", wanted)
    if family == "jal-ce":
        if wanted.gap < LEAST_GAP:
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
    """Return a mildly robust loss for forward correction; None if its fit score is 0."""
    text = f"gce:q={TUNING.corrected_power:g}"
    return _single(text, wanted) if wanted.score(text) > 0 else None


def shape_index(loss: Loss, num_classes: int) -> float:
    """Return sigma = g(1/K) / (K g(1)) of a separable loss, which ranks shapes by how they fit.

    It does not depend on the scale of the loss; 0 for a loss without a separable part.
    """
    part = loss.separable(num_classes)
    if part is None:
        return 0.0
    g = part.slope(np.array([1 / num_classes, 1.0]))
    return float(g[0] / (num_classes * g[1])) if g[1] > 0 else math.inf


def _single(text: str, wanted: Wanted) -> str:
    name, _, parameters = text.partition(":")
    return weighed(lambda c: f"{name}:{parameters},alpha={c:.3g}", wanted)


def _sum(text: str, wanted: Wanted) -> str:
    """Return the sum with NCE, which keeps a gradient on examples with an unlikely label."""
    share = TUNING.easy_active_share if wanted.is_easy else TUNING.hard_active_share
    active = float(f"{share * wanted.fit / wanted.score('nce'):.2g}")
    name, _, parameters = text.partition(":")
    return weighed(lambda c: f"nce+{name}:{parameters},alpha={active:g},beta={c:.3g}", wanted)


def weighed(text: Callable[[float], str], wanted: Wanted) -> str:
    """Return the loss whose weight gives the wanted fit score, by bisection.

    `text` maps a weight to the text of a loss.
    """
    low, high = -6.0, 6.0  # of log10 of the weight
    for _ in range(30):
        middle = (low + high) / 2
        score = wanted.score(text(10.0**middle))
        low, high = (middle, high) if score < wanted.fit else (low, middle)
    return str(parse_loss(text(10.0**high)))
