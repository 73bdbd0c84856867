"""The top of the penalised likelihood of a head and T.

What did not make it faster, on Gaussians of 10,000 and 100,000 examples: steps on a sample before
those on all, and coordinates in which the information at the start is the identity. The valleys are
long and bent: both end tens to hundreds of nats below.
"""

import numpy as np
from scipy.optimize import Bounds, minimize

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.joint.scores import Scores
from alfs_cli.estimators.joint.ties import LOGIT_CEILING, LOGIT_FLOOR, tied_transition
from alfs_cli.estimators.joint.tuning import HEAD

RIDGE = 1e-6  # of A; next to none, for the directions that the data leave open


class Problem:
    """What is to be climbed: functions of A, b and theta, one after the other in one array."""

    def __init__(
        self, scores: Scores, cells: IntArray, shape: tuple[int, ...], *, has_prior: bool
    ) -> None:
        self.scores, self.cells, self.shape = scores, cells, shape
        self.num_weights = int(np.prod(shape))
        self.num_head = self.num_weights + len(cells)
        self.num_cells = max(int(cells.max()) + 1, 0)
        self.off = cells >= 0
        self.off_cells = cells[self.off]
        self.num_examples = int(scores.values.shape[1])
        self.prior: FloatArray | None = None
        if has_prior:
            self.prior = (
                HEAD.prior_examples * len(cells) / self.num_examples * np.diff(scores.start)
            )

    def parts(self, parameters: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return A, b and theta."""
        A = parameters[: self.num_weights].reshape(self.shape)
        return A, parameters[self.num_weights : self.num_head], parameters[self.num_head :]

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        """Return minus the penalised log-likelihood of an example, and its gradient."""
        A, b, theta = self.parts(parameters)
        N, T = self.num_examples, tied_transition(theta, self.cells)
        found = self.scores.likelihood(A, b, T, self.prior)
        value = found.log_likelihood
        if self.prior is not None:
            value += float(self.prior @ np.log(found.shares))
        by_cell = found.counts - T * np.add.reduce(found.counts, axis=1, keepdims=True)
        by_theta = np.bincount(self.off_cells, by_cell[self.off], minlength=self.num_cells)
        by_A = found.by_A / N - RIDGE * A
        gradient = np.concatenate([by_A.ravel(), found.by_b / N, by_theta / N])
        return -value / N + RIDGE / 2 * float(np.add.reduce(A * A, axis=None)), -gradient

    def top(self, start: FloatArray, *, max_iterations: int) -> FloatArray:
        """Return the parameters at the top that is reached from a start."""
        low, high = np.full(len(start), -np.inf), np.full(len(start), np.inf)
        low[self.num_head :], high[self.num_head :] = LOGIT_FLOOR, LOGIT_CEILING
        found = minimize(
            self,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=Bounds(low, high),
            options={"maxiter": max_iterations, "ftol": 1e-9, "gtol": 1e-6, "maxcor": 20},
        )
        return np.asarray(found.x)
