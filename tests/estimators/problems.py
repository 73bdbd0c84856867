"""Noisy problems with a known T, for every estimator."""

import numpy as np


def noisy_problem(T, n_per_class=2000, certainty=0.97, seed=0):
    """Return probabilities of the given label (N, K), given labels (N,), true labels (N,).

    Each example's true class is almost certain from its features; the probabilities are exactly
    calibrated: p = q T, with q the (known) probability of the true class.
    """
    generator = np.random.default_rng(seed)
    K = len(T)
    looks = np.repeat(np.arange(K), n_per_class)
    q = np.full((len(looks), K), (1 - certainty) / (K - 1))
    q[np.arange(len(looks)), looks] = certainty
    true = np.array([generator.choice(K, p=row) for row in q])
    given = np.array([generator.choice(K, p=T[cls]) for cls in true])
    return q @ T, given, true
