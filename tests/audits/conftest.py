import numpy as np
import pytest

from alfs_cli.audits.population import population

LETTERS = "abcdefghijklmnopqrst"


def make(N=200, K=4, rate=0.2, *, seed=0, scores=True, **more):
    """Return a population and its true labels; scores know the truth in part."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, K, N)
    given = np.where(rng.random(N) < rate, (true + rng.integers(1, K, N)) % K, true)
    probs = None
    if scores:
        logits = rng.standard_normal((N, K))
        logits[np.arange(N), true] += 2
        probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return population(given, LETTERS[:K], "data", probs=probs, **more), true


@pytest.fixture
def made():
    return make
