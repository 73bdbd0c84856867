"""Variants of cross entropy that soften the target or sharpen the prediction.

All of them are infinite at the vertex of a class if another label occurs, so that none is
asymmetric on a row with noise. Each docstring says what the loss offers instead.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alfs_cli.losses.ruling import Ruling, rise_from_infinity, ruling
from alfs_cli.losses.separable import CE
from alfs_cli.losses.terms import LARGEST_SPAN, SMALLEST_SPAN, Computed, Rows, Slopes

if TYPE_CHECKING:
    from alfs_cli.arrays import FloatArray
    from alfs_cli.losses.terms import Evaluated


@dataclass(frozen=True)
class Softened(Computed):
    """A loss whose risk is infinite at the vertex on a row with noise, minimal on one without."""

    def ruling(self, w: "FloatArray") -> Ruling:
        """Judge rows w (M, K): a row is proved if it has no noise."""
        return ruling(w, "infinite at the vertex unless the row is clean", proved=w[:, 1] <= 0)

    def rise(self, u: "FloatArray", w: "FloatArray") -> "FloatArray":
        """Return R(u) - R(vertex) (M,); R(vertex) is infinite on a row with noise."""
        return rise_from_infinity(self, u, w, w[:, 1] > 0)

    @property
    def escape_slope(self) -> float:
        """Infinite, as the loss is for a class of probability 0."""
        return math.inf


@dataclass(frozen=True)
class LS(Softened):
    """Label smoothing: (1 - epsilon) CE(u, y) + (epsilon / K) sum_k CE(u, k).

    Szegedy et al., CVPR 2016.
    """

    name = "ls"
    formula = "-(1 - epsilon) log u_y - (epsilon / K) sum_k log u_k"
    source = "Szegedy et al., CVPR 2016"
    valid = "0 <= epsilon < 1"
    epsilon: float = 0.1

    def is_valid(self) -> bool:
        """Return whether 0 <= epsilon < 1."""
        return 0 <= self.epsilon < 1

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight times the loss (N, 1), and its derivative p_k - target_k."""
        each = weight * self.epsilon / rows.num_classes
        own = weight * (1 - self.epsilon)
        values = -own * rows.lp - each * rows.log_probs.sum(1, keepdim=True)
        if not slopes:
            return values, None
        own_slope = rows.rest * -weight + each * (rows.num_classes - 1)
        return values, Slopes(own=own_slope, along=weight, flat=-each)

    def risk(self, log_probs: "FloatArray", w: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return the risk (M,) and derivative (M, K) of CE on the smoothed weights."""
        total = w.sum(axis=-1, keepdims=True)
        smooth = (1 - self.epsilon) * w + self.epsilon * total / w.shape[-1]
        return CE().risk(log_probs, smooth)

    def ruling(self, w: "FloatArray") -> Ruling:
        """Judge rows w (M, K): proved only for epsilon = 0, on a row without noise."""
        if self.epsilon == 0:
            return super().ruling(w)
        return ruling(w, "infinite at the vertex")

    def rise(self, u: "FloatArray", w: "FloatArray") -> "FloatArray":
        """Return R(u) - R(vertex) (M,).

        R(vertex) is infinite unless epsilon is 0 and the row has no noise.
        """
        return rise_from_infinity(self, u, w, (w[:, 1] > 0) | (self.epsilon > 0))

    def minimiser(self, w: "FloatArray", num_classes: int) -> "FloatArray":
        """Return the smoothed weights (M, K), the minimiser of CE's risk on them."""
        import numpy as np

        smooth = self.epsilon * w.sum(axis=1, keepdims=True) / w.shape[1]
        return np.asarray((1 - self.epsilon) * w + smooth)


@dataclass(frozen=True)
class SoftBootstrap(Softened):
    """Soft bootstrapping: the target is b times the label plus 1 - b times the prediction.

    Reed et al., ICLR 2015 (workshop): cross entropy with minimum entropy regularisation. The
    derivative includes that of the prediction in the target, which public code often omits.
    """

    name = "bootstrap-soft"
    formula = "-b log u_y - (1 - b) sum_k u_k log u_k"
    stable = "-b log u_y + (1 - b) H, own log from log1p(-(1 - u)) where u > 1/2"
    source = "Reed et al., ICLR 2015"
    valid = "0 < b <= 1"
    b: float = 0.95

    def is_valid(self) -> bool:
        """Return whether 0 < b <= 1."""
        return 0 < self.b <= 1

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight (-b log u_y + (1 - b) H) (N, 1) and its derivative."""
        own, rest = weight * self.b, weight * (1 - self.b)
        surprise = rows.p * rows.log_probs  # zero at y, where rows.p is 0
        others = surprise.sum(1, keepdim=True)
        entropy = -(others + rows.u * rows.lp)
        values = entropy * rest - rows.lp * own
        if not slopes:
            return values, None
        # dH / dz_j = -p_j (log p_j + H), and log p_y + H = (1 - u) log u - sum of the others.
        inner = rows.u * (rows.rest * rows.lp - others)
        return values, Slopes(
            own=rows.rest * -own - inner * rest,
            along=own - rest * entropy,
            full=((surprise, -rest),),
        )

    def risk(self, log_probs: "FloatArray", w: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return b times CE's risk plus 1 - b times the entropy (M,), and its derivative (M, K)."""
        import numpy as np

        u = np.exp(log_probs)
        total = w.sum(axis=-1, keepdims=True)
        entropy = -(u * log_probs).sum(axis=-1, keepdims=True)
        value, derivative = CE().risk(log_probs, w)
        value = self.b * value + (1 - self.b) * (total * entropy)[..., 0]
        return value, self.b * derivative - (1 - self.b) * total * u * (log_probs + entropy)


@dataclass(frozen=True)
class HardBootstrap(Softened):
    """Hard bootstrapping: the target is b times the label plus 1 - b times the likeliest class.

    Reed et al., ICLR 2015 (workshop).
    """

    name = "bootstrap-hard"
    formula = "-b log u_y - (1 - b) max_k log u_k"
    stable = "own log from log1p(-(1 - u)) where u > 1/2"
    source = "Reed et al., ICLR 2015"
    valid = "0 < b <= 1"
    b: float = 0.8

    def is_valid(self) -> bool:
        """Return whether 0 < b <= 1."""
        return 0 < self.b <= 1

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight (-b log u_y - (1 - b) max_k log u_k) (N, 1) and its derivative."""
        import torch

        own, rest = weight * self.b, weight * (1 - self.b)
        top_lp, top = rows.log_probs.max(1, keepdim=True)
        is_own = top == rows.labels
        values = rows.lp * -own - rows.lp.where(is_own, top_lp) * rest
        if not slopes:
            return values, None
        target = torch.zeros_like(rows.p).scatter_(1, top, 1.0)
        pull = (-rows.rest).where(is_own, rows.u)
        return values, Slopes(
            own=rows.rest * -own + pull * rest, along=weight, full=((target, -rest),)
        )

    def risk(self, log_probs: "FloatArray", w: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return the risk (M,) and derivative (M, K) of CE on the bootstrapped target."""
        import numpy as np

        top = np.argmax(log_probs, axis=-1, keepdims=True)
        target = np.zeros_like(log_probs)
        np.put_along_axis(target, top, 1.0, axis=-1)
        mixed = self.b * w + (1 - self.b) * w.sum(axis=-1, keepdims=True) * target
        return CE().risk(log_probs, mixed)


@dataclass(frozen=True)
class EpsCE(Softened):
    """Cross entropy on the epsilon-softmax: p' = (p + m e_argmax) / (m + 1).

    Wang et al., NeurIPS 2024: the L1 distance of p' to a one-hot vector is at most 2 / (m + 1), and
    the excess risk under symmetric noise is bounded by a term that vanishes for large m. The loss
    is discontinuous where the likeliest class changes. The paper adds MAE (CIFAR-10: weights 0.01
    and 5). Public code clamps p' at 1e-8; this code does not.
    """

    name = "eps-ce"
    formula = "-log((u_y + m [y likeliest]) / (m + 1))"
    stable = "-log1p(-(1 - u) / (m + 1)) where y is likeliest, else -log u + log(m + 1)"
    source = "Wang et al., NeurIPS 2024"
    valid = "m > 0"
    m: float = 1000.0

    def is_valid(self) -> bool:
        """Return whether m is above 0 and within the range of float32."""
        return SMALLEST_SPAN <= self.m <= LARGEST_SPAN

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight (-log p'_y) (N, 1) and its derivative for a fixed likeliest class."""
        is_own = rows.log_probs.argmax(1, keepdim=True) == rows.labels
        ahead = (rows.rest * (-1 / (self.m + 1))).log1p()
        values = ahead.where(is_own, rows.lp - math.log1p(self.m)) * -weight
        if not slopes:
            return values, None
        pull = (weight / (1 + self.m / rows.u)).where(is_own, rows.u.new_tensor(weight))
        return values, Slopes(own=rows.rest * -pull, along=pull)

    def risk(self, log_probs: "FloatArray", w: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return R = -sum_j w_j log p'_j (M,) and its derivative by the logits (M, K)."""
        import numpy as np

        u = np.exp(log_probs)
        is_top = np.arange(u.shape[-1]) == np.argmax(log_probs, axis=-1, keepdims=True)
        raised = np.where(is_top, np.log((u + self.m) / (self.m + 1)), 0.0)
        logs = np.where(is_top, raised, log_probs - math.log1p(self.m))
        pull = w * np.where(is_top, u / (u + self.m), 1.0)
        derivative = u * pull.sum(axis=-1, keepdims=True) - pull
        return -(w * logs).sum(axis=-1), derivative


@dataclass(frozen=True)
class LDRKL(Softened):
    """Label-distributionally robust loss, KL form: lam log (1/K) sum_k exp((z_k - z_y + c_k)/lam).

    Zhu, Ying & Yang, ICML 2023; c_k = c for k != y and c_y = 0. For lam = 1 and c = 0 it is
    CE - log K. Its infimum is -lam log K.
    """

    name = "ldr-kl"
    formula = "lam log (1/K) sum_k exp((log u_k - log u_y + c [k != y]) / lam)"
    stable = "lam (logsumexp((log u + c [k != y]) / lam) - log u_y / lam - log K)"
    source = "Zhu et al., ICML 2023"
    valid = "lam from 1e-3 to 1e6, 0 <= c <= 1e3"
    lam: float = 1.0
    c: float = 0.1

    def is_valid(self) -> bool:
        """Return whether lam is from 1e-3 to 1e6, and c from 0 to 1e3."""
        return 1e-3 <= self.lam <= 1e6 and 0 <= self.c <= 1e3

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight times the loss (N, 1), and its derivative, a softmax of shifted logits."""
        own = rows.own_log / self.lam
        tilted = (rows.log_probs + self.c).div_(self.lam).scatter_(1, rows.labels, -math.inf)
        others = tilted.logsumexp(1, keepdim=True)
        # log(1 + exp(others - own)): this form neither overflows nor rounds to 0.
        values = (others - own).logaddexp(others.new_zeros(()))
        if not slopes:
            return (values - math.log(rows.num_classes)) * (weight * self.lam), None
        share = (tilted - (values + own)).exp_()
        own_slope = share.sum(1, keepdim=True) * -weight
        return (values - math.log(rows.num_classes)) * (weight * self.lam), Slopes(
            own=own_slope, along=0.0, full=((share, weight),)
        )

    def risk(self, log_probs: "FloatArray", w: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return the risk (M,) and its derivative by the logits (M, K)."""
        import numpy as np

        K = log_probs.shape[-1]
        scaled = log_probs / self.lam
        lead = scaled - scaled.max(axis=-1, keepdims=True)
        E = np.exp(lead)
        b = np.exp(np.minimum(self.c / self.lam, 700.0))
        S = E.sum(axis=-1, keepdims=True)
        # For label j the sum over k of exp(.) is Z_j = E_j + b (sum of the other E); the share of
        # class k in it is b E_k / Z_j, and that of class j is E_j / Z_j.
        others = np.maximum(S - E, 0)
        near = others < 1e-8 * S  # S - E cancels for the likeliest class: sum its others again
        if near.any():
            index = np.argmax(E, axis=-1, keepdims=True)
            rest = E.copy()
            np.put_along_axis(rest, index, 0.0, axis=-1)
            others = np.where(near, rest.sum(axis=-1, keepdims=True), others)
        Z = E + b * others
        value = w * self.lam * (np.log(Z) - lead - math.log(K))
        total = (w / Z).sum(axis=-1, keepdims=True)
        derivative = b * E * (total - w / Z) + w * (E / Z - 1)
        return value.sum(axis=-1), derivative
