"""Accuracy, confusion and calibration against loops."""

import numpy as np
import pytest

from alfs_cli.results.evaluation import calibration_error, evaluation_of
from alfs_cli.results.run import TestSummary


@pytest.fixture
def judged():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.full(4, 0.4), size=500)
    labels = np.array([rng.choice(3, p=p[:3] / p[:3].sum()) for p in probs])
    return probs, labels


def test_confusion_and_classes(judged):
    probs, labels = judged
    names = ("a", "b", "c", "d")
    found = evaluation_of(
        probs, labels, class_names=names, run="r", test=TestSummary("x", None, 500, "given")
    )
    expected = np.zeros((4, 4), int)
    for p, label in zip(probs, labels, strict=True):
        expected[label, p.argmax()] += 1
    assert np.array_equal(found.confusion, expected)
    assert found.accuracy == pytest.approx(np.trace(expected) / 500)
    assert found.per_class[3].accuracy is None  # a class that no label has
    assert found.per_class[0].accuracy == pytest.approx(expected[0, 0] / expected[0].sum())
    assert found.document()["per_class"][0]["class"] == "a"


def test_calibration_error_by_bins(judged):
    probs, labels = judged
    confidence, hits = probs.max(1), probs.argmax(1) == labels
    expected = 0.0
    for b in range(15):
        inside = (confidence >= b / 15) & (confidence < (b + 1) / 15)
        if b == 14:
            inside |= confidence == 1
        if inside.any():
            gap = abs(hits[inside].mean() - confidence[inside].mean())
            expected += inside.mean() * gap
    assert calibration_error(probs, labels) == pytest.approx(expected)


def test_certain_and_right_is_calibrated():
    assert calibration_error(np.eye(3), np.arange(3)) == 0
