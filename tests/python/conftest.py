"""Small data with known noise, and estimates of it that several tests look at."""

import numpy as np
import pandas as pd
import pytest

import alfs_cli as alfs

N, K = 300, 3
NAMES = ("cat", "dog", "o,wl")


def make_data():
    """Return features (N, 3), given labels (N,), true ones, and a frame of the same features."""
    rng = np.random.default_rng(0)
    true = np.arange(N) % K
    y = np.where(rng.random(N) < 0.15, (true + 1) % K, true)
    X = (np.eye(K)[true] + 0.2 * rng.normal(size=(N, K))).astype(np.float32)
    return X, y, true


@pytest.fixture(scope="session")
def data():
    """Features (N, 3), given labels (N,) and true ones."""
    return make_data()


@pytest.fixture(scope="session")
def est(data):
    """An estimate from arrays."""
    X, y, _ = data
    return alfs.estimate(features=X, labels=y, class_names=NAMES)


@pytest.fixture(scope="session")
def framed(data):
    """An estimate from a frame with an index, names as categories, and columns that tell."""
    X, y, _ = data
    index = pd.Index([f"r{i}" for i in range(N)], name="sample")
    frame = pd.DataFrame(X, columns=["a", "b", "c"], index=index)
    frame["id"], frame["code"] = np.arange(N), y * 10.0
    labels = pd.Series(pd.Categorical.from_codes(y, ["low", "mid", "high"]), index=index)
    return frame, labels, alfs.estimate(features=frame, labels=labels)
