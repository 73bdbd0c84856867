"""The numbers behind the figures, at points known exactly."""

import csv
import io

import numpy as np
import pytest

from alfs_cli.errors import UsageError
from alfs_cli.figures import (
    FIGURES,
    calibration,
    descend,
    least_risks,
    loss_on_path,
    plot_loss,
    save_all,
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
    [("aul:a=1.5,p=2", 0.8333), ("agce:a=0.25,q=0.5", 0.950), ("agce:a=0.5,q=0.5", 1)],
)
def test_descent_reaches_the_minimiser(text, mass):
    reached = descend(parse_loss(text), descents=5, steps=4000)
    assert np.median(reached) == pytest.approx(mass, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fig1", "fig4", "fig6"])
def test_saved_figures(tmp_path, name):
    paths = save_all(name, tmp_path)
    assert [path.name for path in paths] == [f"{name}.png", f"{name}.svg", f"{name}.csv"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    rows = list(csv.reader(io.StringIO(paths[2].read_text())))
    assert len(rows) > 100
    assert {len(row) for row in rows} == {4}


def test_figures_of_the_paper():
    assert set(FIGURES) == {"fig1", "fig2", "fig4", "fig6"}


def test_loss_on_the_symmetric_path():
    """NCE at u = 1/K is 1 / K for every K."""
    assert loss_on_path(parse_loss("nce"), np.array([0.1]), 10) == pytest.approx(0.1)


def test_unknown_suffix(tmp_path):
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        plot_loss(parse_loss("ce"), tmp_path / "loss.jpeg2")
