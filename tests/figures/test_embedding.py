"""How far classes are apart, against a slow count; positions; what panels are called."""

import numpy as np
import pytest

from alfs_cli.errors import InputError
from alfs_cli.figures.embedding import in_the_plane, panel_names, separation, t_sne
from alfs_cli.figures.penultimate import Represented
from alfs_cli.results.run import NoiseConfig, TrainConfig

RNG = np.random.default_rng(0)
CLASSES = np.repeat([0, 1, 2], 12)
FEATURES = (RNG.normal(size=(36, 4)) + 2 * np.eye(3, 4)[CLASSES]).astype(np.float32)


def represented(loss="ce", rate=0.4, seed=0, run="r", names=("a", "b", "c")):
    noise = None if rate is None else NoiseConfig("symmetric", rate)
    config = TrainConfig({}, "f", "linear", loss, 1, 8, seed, noise=noise)
    wrong = np.arange(36) < 5
    return Represented(run, config, names, FEATURES, CLASSES, wrong, is_true=True)


def test_silhouette_and_purity_by_definition():
    distances = np.linalg.norm(FEATURES[:, None] - FEATURES[None], axis=2)
    silhouettes, pure = [], []
    for i, own in enumerate(CLASSES):
        others = np.delete(np.arange(36), i)
        a = distances[i, others[CLASSES[others] == own]].mean()
        b = min(distances[i, k == CLASSES].mean() for k in range(3) if k != own)
        silhouettes.append((b - a) / max(a, b))
        nearest = others[distances[i, others].argsort()[:10]]
        pure.append((CLASSES[nearest] == own).mean())
    found = separation(FEATURES, CLASSES)
    assert found.silhouette == pytest.approx(np.mean(silhouettes), abs=1e-5)
    assert found.purity == pytest.approx(np.mean(pure))
    assert found.n == 36


@pytest.mark.parametrize(("features", "classes"), [(11, 3), (36, 1)])
def test_too_few(features, classes):
    with pytest.raises(InputError, match="cannot be told apart"):
        separation(FEATURES[:features], CLASSES[:features] % classes)


def test_positions_repeat_and_separate():
    apart = FEATURES + 20 * np.eye(3, 4, dtype=np.float32)[CLASSES]
    plane = in_the_plane(apart, seed=0)
    assert plane.shape == (36, 2)
    assert (plane == in_the_plane(apart, seed=0)).all()
    assert separation(plane.astype(np.float32), CLASSES).purity > 0.9


@pytest.mark.parametrize("features", [np.ones((20, 3)), np.arange(20.0)[:, None]])
def test_features_that_collapsed(features):
    assert np.isfinite(in_the_plane(features.astype(np.float32), seed=0)).all()


def test_a_caption_says_the_numbers():
    figure, (found,) = t_sne([represented()], seed=0)
    (panel,) = figure.panels
    assert panel.panel == "ce\nsymmetric 0.4"
    assert f"silhouette {found.silhouette:.3f}" in panel.caption
    assert f"purity {found.purity:.3f}" in panel.caption
    assert "wrong labels: 5" in panel.caption


def test_panels_are_told_apart():
    one = represented()
    assert panel_names([one, represented(rate=None)])[1] == "ce\nno noise injected"
    assert panel_names([one, represented(seed=1)])[1] == "ce\nsymmetric 0.4, seed 1"
    assert panel_names([one, represented(run="other")])[1] == "ce\nsymmetric 0.4\nother"


def test_runs_of_different_classes():
    with pytest.raises(InputError, match="'r' and 's' have different classes"):
        t_sne([represented(), represented(run="s", names=("a", "b", "d"))], seed=0)
