"""The plot of one loss."""

import numpy as np
import pytest

from alfs_cli.errors import UsageError
from alfs_cli.figures.losses import loss_on_path, plot_loss
from alfs_cli.losses import parse_loss


def test_loss_on_the_symmetric_path():
    """NCE at u = 1/K is 1 / K for every K."""
    assert loss_on_path(parse_loss("nce"), np.array([0.1]), 10) == pytest.approx(0.1)


def test_unknown_suffix(tmp_path):
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        plot_loss(parse_loss("ce"), tmp_path / "loss.jpeg2")
