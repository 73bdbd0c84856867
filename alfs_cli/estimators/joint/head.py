"""The two-stage likelihood: p(given | x) = softmax(A s + b)^T T on K-dimensional scores s(x).

The noise-adaptation layer of Goldberger & Ben-Reuven, ICLR 2017, fitted on out-of-fold scores
instead of inside a network: noise that depends on the true class alone does so given any function
of x, so nothing is lost by going to K dimensions. Examples lie in columns, sorted by given label.
"""

from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.joint.ascent import Problem
from alfs_cli.estimators.joint.information import information
from alfs_cli.estimators.joint.scores import Scores, Single, head_probs, through
from alfs_cli.estimators.joint.ties import log_jacobian, no_tie, tied_logits, tied_transition
from alfs_cli.estimators.joint.tuning import HEAD

MAX_INFORMATION = 2 * 10**7  # numbers in the matrix of scores from which information is counted


@dataclass(frozen=True, eq=False)
class HeadFit:
    """A fitted head and T of one family, with the log-likelihood of the given labels."""

    family: str
    tie: IntArray
    A: FloatArray
    b: FloatArray
    theta: FloatArray
    transition: FloatArray
    log_likelihood: float
    probs: Single


def fit_head(
    scores: Scores,
    family: str,
    tie: IntArray | None,
    start: "HeadFit | None" = None,
    *,
    near: FloatArray | None = None,
    max_iterations: int = 300,
) -> HeadFit:
    """Return the maximum-likelihood head and T under a tie; no tie is T = I.

    Starts at the head of `start` (the given log-probabilities without one) and at T near `near`.
    A Dirichlet prior worth `prior_examples` examples a class holds the shares of the true classes
    near those of the labels: with few examples, two classes that swap labels would merge into one.
    """
    K = len(scores.centre)
    A = scores.unwhiten if start is None else start.A
    b = scores.centre if start is None else start.b
    cells = no_tie(K) if tie is None else tie
    theta = np.zeros(0) if tie is None or near is None else tied_logits(near, tie)
    problem = Problem(scores, cells, A.shape, has_prior=tie is not None)
    top = problem.top(np.concatenate([A.ravel(), b, theta]), max_iterations=max_iterations)
    A, b, theta = problem.parts(top)
    T = tied_transition(theta, cells)
    Q = head_probs(scores, A, b)
    return HeadFit(family, cells, A, b, theta, T, through(scores, Q, T)[1], Q)


def cell_covariance(scores: Scores, fit: HeadFit) -> tuple[FloatArray, FloatArray]:
    """Return the covariance of theta (P, P) and dT/dtheta (K, K, P).

    The inverse of the summed outer products of the examples' scores in all parameters, the head's
    included, so that what the head and T can trade against each other counts as uncertainty. A head
    of more than `max_parameters` is held fixed, and the variance is multiplied instead.
    """
    N, P = scores.values.shape[1], len(fit.theta)
    head = fit.A.size + len(fit.b)
    has_head = head <= HEAD.max_parameters
    width = P + (head if has_head else 0)
    kept = np.arange(N)
    if N * width > MAX_INFORMATION:
        kept = np.linspace(0, N - 1, max(MAX_INFORMATION // width, 4 * width)).astype(np.int64)
        kept = np.unique(np.minimum(kept, N - 1))
    found = N * information(
        scores, fit.probs[:, kept], fit.transition, fit.tie, columns=kept, has_head=has_head
    )
    found[np.diag_indices(width)] += HEAD.prior_precision
    covariance = np.linalg.inv(found)[-P:, -P:] * (1 if has_head else HEAD.held_variance_factor)
    jacobian = log_jacobian(fit.transition, fit.tie)
    return np.asarray(covariance), np.asarray(jacobian * fit.transition[:, :, None])
