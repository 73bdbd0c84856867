"""The numbers of figures 1, 2 and 4, at points known exactly."""

import numpy as np
import pytest

from alfs_cli.figures.theory import (
    FAMILIES,
    calibration,
    descend,
    least_risks,
    loss_curves,
    minimiser_against_parameter,
)
from alfs_cli.losses import parse_loss


def test_calibration_of_a_concave_loss():
    """AGCE(1, 2): H(.7) = .45, H-(.7) = .875; equal at 1/2, H below elsewhere."""
    least, wrong = least_risks(parse_loss("agce:a=1,q=2").separable(), np.array([0.7, 0.5, 0.3]))
    np.testing.assert_allclose(least[[0, 2]], 0.45)
    np.testing.assert_allclose(wrong[[0, 2]], 0.875)
    assert least[1] == pytest.approx(wrong[1])


def test_calibrated_means_h_is_lower():
    figure = calibration()
    for least, wrong in zip(figure.lines[::2], figure.lines[1::2], strict=True):
        away = np.abs(least.x - 0.5) > 1e-9
        assert (wrong.y[away] > least.y[away]).all()


@pytest.mark.parametrize(
    ("text", "mass"),
    [("aul:a=1.5,p=2", 0.83333), ("agce:a=0.25,q=0.5", 0.950), ("agce:a=0.5,q=0.5", 1)],
)
def test_descent_reaches_the_minimiser(text, mass):
    np.testing.assert_allclose(descend(parse_loss(text)), mass, atol=1e-5)


def test_every_curve_is_at_its_minimum_and_marks_its_threshold():
    figure = minimiser_against_parameter(points=5)
    assert figure.panels == tuple(FAMILIES)
    for place, (_, _, _, threshold) in enumerate(FAMILIES.values()):
        exact, reached, mark = figure.lines[3 * place : 3 * place + 3]
        np.testing.assert_allclose(reached.y, exact.y, atol=1e-5)
        assert (mark.x == threshold).all()
        assert threshold in exact.x
        assert (exact.y[exact.x >= threshold] > 1 - 1e-5).all()
        assert (exact.y[exact.x < threshold] < 1 - 1e-3).all()


def test_losses_fall_to_zero():
    for line in loss_curves().lines:
        assert line.y[-1] == 0
        assert (np.diff(line.y) < 0).all()
