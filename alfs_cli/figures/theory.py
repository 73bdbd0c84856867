"""The paper's figures of losses: 1 (calibration), 2 (minimiser against parameter), 4 (losses).

Zhou et al., ICML 2021, sections 3 and 4.1.
"""

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.certificate.risk import log_softmax, risk_at
from alfs_cli.errors import UsageError
from alfs_cli.figures.figure import Line, Lines
from alfs_cli.losses import Loss, SeparableSum, parse_loss
from alfs_cli.losses.minimisers import convex_minimiser

ROW = (0.4, 0.2, 0.15, 0.15, 0.1)  # a row of T for figure 2; the paper does not give its own
STARTS = 3  # random starts of the descent at each point of figure 2
POINTS = 200  # parameter values of each curve of figure 2, beside the threshold


def calibration() -> Lines:
    """Return figure 1: the minimal risk H(eta), and the minimum H^-(eta) on the wrong side.

    H(eta) = min_u eta l(u) + (1 - eta) l(1 - u) for two classes. A loss is calibrated if H^- > H
    for every eta except 1/2. H^- has a kink for losses that are completely but not strictly
    asymmetric.
    """
    eta = np.linspace(0, 1, 101)
    lines = []
    for text in ("mae", "agce:a=1,q=2", "agce:a=1,q=0.5", "aul:a=2,p=0.5", "ael:a=1"):
        loss = _separable(text)
        least, wrong = least_risks(loss, eta)
        lines += [Line(text, "H", eta, least), Line(text, "H-", eta, wrong, is_dotted=True)]
    return Lines("Least risk, and least risk on the wrong side", "eta", "risk", tuple(lines))


def least_risks(loss: SeparableSum, eta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return H (M,) and H^- (M,) at eta (M,), on a grid of u that contains 0, 1/2 and 1."""
    u = np.linspace(0, 1, 4001)
    value = loss.value(u)
    risk = eta[:, None] * value + (1 - eta[:, None]) * value[::-1]
    wrong = (u - 0.5) * (2 * eta[:, None] - 1) <= 0
    return risk.min(axis=1), np.where(wrong, risk, np.inf).min(axis=1)


def _separable(text: str) -> SeparableSum:
    found = parse_loss(text).separable()
    if found is None:
        raise UsageError(
            f"'{text}' is not a function of u alone",
            help="alfs losses list names those that are: ce, mae, gce, agce, aul, ael, ...",
        )
    return found


FAMILIES: dict[str, tuple[str, float, float, float]] = {
    # text of the loss, least and greatest a, and the threshold of section 3 for w_m / w_n = 2
    "AGCE, q = 0.5": ("agce:a={},q=0.5", 0.05, 1.0, 1 / 3),
    "AUL, p = 2": ("aul:a={},p=2", 1.1, 3.0, 2.0),
    "AEL": ("ael:a={}", 0.2, 3.0, float(1 / np.log(2))),
}


def minimiser_against_parameter(points: int = POINTS) -> Lines:
    """Return figure 2: the true class's probability at the minimiser, against the parameter a.

    The lines are the exact minimiser by the optimality conditions, and the median of what descents
    from random logits reach. The vertical line is the threshold: from there on the loss is
    asymmetric on the row, and the minimiser is the true class.
    """
    row = np.array([ROW])
    lines = []
    for family, (text, least, most, threshold) in FAMILIES.items():
        values = np.sort(np.append(np.linspace(least, most, points), threshold))
        losses = [parse_loss(text.format(float(value))) for value in values]
        exact = [convex_minimiser(_separable(str(loss)), row)[0, 0] for loss in losses]
        reached = [float(np.median(descend(loss))) for loss in losses]
        limits = np.array([min(exact), 1.0])
        lines += [
            Line(family, "exact", values, np.array(exact)),
            Line(family, f"descent, median of {STARTS}", values, np.array(reached), is_dotted=True),
            Line(family, f"threshold, a = {threshold:.4g}", np.full(2, threshold), limits,
                 is_dotted=True, is_grey=True),
        ]  # fmt: skip
    return Lines("Where the risk is least", "parameter a", "u of the true class", tuple(lines))


def descend(loss: Loss, *, starts: int = STARTS) -> FloatArray:
    """Return the true class's probability (starts,) where descents on the risk of ROW end.

    Logits start from N(0, I). One descent takes all starts: their risks do not depend on one
    another, so that the sum is least where each is. L-BFGS goes on until the gradient is below
    1e-10: plain descent is still short of the vertex after 20,000 steps, because softmax slows it
    down there.
    """
    from scipy.optimize import minimize

    parts, w = loss.parts(len(ROW)), np.tile(ROW, (starts, 1))

    def risk(z: FloatArray) -> tuple[float, FloatArray]:
        value, derivative = risk_at(parts, log_softmax(z.reshape(w.shape)), w)
        return float(value.sum()), derivative.ravel()

    found = minimize(
        risk,
        np.random.default_rng(0).normal(size=w.shape).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"ftol": 0.0, "gtol": 1e-10, "maxiter": 20_000},
    )
    return np.asarray(np.exp(log_softmax(found.x.reshape(w.shape)))[:, 0])


def loss_curves() -> Lines:
    """Return figure 4: the three asymmetric losses with several parameters, as l(u) - l(1)."""
    u = np.linspace(0.005, 1, 200)
    families = {
        "AGCE": ("agce:a=0.1,q=0.5", "agce:a=1,q=0.5", "agce:a=1,q=1", "agce:a=1,q=2"),
        "AUL": ("aul:a=1.1,p=2", "aul:a=2,p=2", "aul:a=2,p=1", "aul:a=2,p=0.5"),
        "AEL": ("ael:a=0.2", "ael:a=0.5", "ael:a=1", "ael:a=2.5"),
    }
    lines = []
    for panel, texts in families.items():
        for text in texts:
            value = _separable(text).value(u)
            lines.append(Line(panel, text, u, value - value[-1]))
    return Lines("Asymmetric losses", "u", "l(u) - l(1)", tuple(lines))
