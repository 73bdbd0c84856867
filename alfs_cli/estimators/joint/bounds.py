"""Bounds of a fitted T by the delta method, widened by what the likelihood cannot see."""

import numpy as np
from scipy.special import ndtri

from alfs_cli.arrays import FloatArray
from alfs_cli.estimators.joint.families import Candidate
from alfs_cli.estimators.joint.head import cell_covariance
from alfs_cli.estimators.joint.tuning import BOUNDS
from alfs_cli.estimators.parts.counts import Spread
from alfs_cli.noise import rows_of_counts


def wald(found: Candidate, confidence: float) -> Spread:
    """Return bounds by the delta method; ratios by Fieller's, which hold where T_ij is near 0."""
    T, prior = found.fit.transition, found.prior
    K = len(T)
    overlap = 1 - float(np.trace(found.soft_counts) / found.soft_counts.sum())
    rate = float(1 - prior @ np.diag(T))
    slack = BOUNDS.overlap_error * max(overlap - rate, 0.0) + BOUNDS.rate_error * rate
    if not len(found.fit.theta):
        inf = np.full(K, np.inf)
        return Spread((np.eye(K), np.eye(K)), (0.0, slack), (1.0, 1.0), (inf, inf), (np.inf,) * 2)
    covariance, jacobian = cell_covariance(found.scores, found.fit)
    z, z_any = ndtri(confidence), ndtri(1 - (1 - confidence) / (K * (K - 1)))
    flat = jacobian.reshape(K * K, -1)
    error = np.sqrt(np.maximum(((flat @ covariance) * flat).sum(axis=1), 0)).reshape(K, K)
    of_rate = -(prior[:, None] * jacobian[np.arange(K), np.arange(K)]).sum(axis=0)
    rate_error = float(np.sqrt(max(of_rate @ covariance @ of_rate, 0)))
    own = jacobian[np.arange(K), np.arange(K)]
    own_variance = np.diag(error)[:, None] ** 2
    shared = np.einsum("ip,ijp->ij", own @ covariance, jacobian)
    low, high = ratio_bounds(T, own_variance, error**2, shared, z)
    _, high_any = ratio_bounds(T, own_variance, error**2, shared, z_any)
    apart = np.sqrt(np.maximum(own_variance - 2 * shared + error**2, 0))
    np.fill_diagonal(low, np.inf)
    np.fill_diagonal(high, np.inf)
    np.fill_diagonal(high_any, np.inf)
    lead = np.diag(T)[:, None] - T
    lead[np.arange(K), np.arange(K)] = np.inf
    optimism = (found.fit.A.size + K) / found.fit.probs.shape[1]  # of a fit to so few examples
    rate_low = max(float(rate - z * rate_error - slack - optimism), 0.0)
    # overlap taken for noise may sit in any cell: no cell is surely noisier than this share of it
    kept = rate_low / rate if rate > 0 else 0.0
    stretch = 1 / kept if kept > 0 else np.inf
    T_low, T_high = np.clip(T - z * error, 0, 1), np.clip(T + z * error, 0, 1)
    own_low, own_high = np.diag(T_low).copy(), np.diag(T_high).copy()
    # nor than its own class's overlap allows, which is all there is of a class without noise
    seen = rows_of_counts(found.soft_counts)
    T_low = np.minimum(T_low * kept, T_low - cell_slack(seen, T))
    np.fill_diagonal(T_low, own_low)
    reached = own_high + cell_slack(1 - np.diag(seen), 1 - np.diag(T))
    np.fill_diagonal(T_high, np.maximum(1 - kept * (1 - own_high), reached))
    T_low, T_high = np.clip(T_low, 0, 1), np.clip(T_high, 0, 1)
    gap_high = 1 - kept * (1 - min(float((lead + z_any * apart).min()), 1.0))
    return Spread(
        (T_low, T_high),
        (rate_low, min(float(rate + z * rate_error + slack), 1.0)),
        (float((lead - z * apart).min()), gap_high),
        (low.min(axis=1), high_any.min(axis=1) * stretch),
        (float(low.min()), float(high_any.min()) * stretch),
    )


def cell_slack(seen: FloatArray, noise: FloatArray) -> FloatArray:
    """Return how much of the noise in cells may be overlap; `seen` is both of them together."""
    overlap = np.maximum(seen - noise, 0)
    return np.asarray(BOUNDS.own_overlap_error * overlap + BOUNDS.rate_error * noise)


def ratio_bounds(
    T: FloatArray, own: FloatArray, other: FloatArray, shared: FloatArray, z: float
) -> tuple[FloatArray, FloatArray]:
    """Return bounds of T_ii / T_ij: where T_ii - c T_ij is z of its standard errors from 0."""
    a, b = np.diag(T)[:, None], T
    squared = b**2 - z**2 * other
    mixed = a * b - z**2 * shared
    constant = np.maximum(a**2 - z**2 * own, 0.0)
    root = np.sqrt(np.maximum(mixed**2 - squared * constant, 0))
    below = np.maximum(mixed + root, 1e-12)
    low = np.where(constant > 0, constant / below, 0.0)
    high = np.where(squared > 0, (mixed + root) / np.where(squared > 0, squared, 1.0), np.inf)
    return low, np.asarray(high)
