"""What programs import is where it is promised, whatever becomes of the modules behind it."""

from importlib import import_module

import numpy as np
import pytest

from alfs_cli.certificate import certify
from alfs_cli.estimators import estimate_transition
from alfs_cli.losses import parse_loss
from alfs_cli.noise import clean_level, clean_level_lower_bound, symmetric

PROMISED = {
    "alfs_cli": (
        "AlfsError", "AlfsWarning", "NoiseAwareClassifier", "audit", "certify", "check",
        "estimate", "load_estimate", "loss", "recommend",
    ),
    "alfs_cli.certificate": ("certify",),
    "alfs_cli.estimators": ("estimate_transition",),
    "alfs_cli.losses": ("parse_loss",),
    "alfs_cli.noise": ("asymmetric", "clean_level", "clean_level_lower_bound", "symmetric"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in PROMISED.items() for name in names]
)
def test_a_promised_name_is_there(module, name):
    found = import_module(module)
    assert callable(getattr(found, name))
    assert name in found.__all__


def test_they_go_together():
    T = symmetric(0.4, 3)
    given = np.arange(300) % 3
    probs = np.full((300, 3), 0.05) + 0.85 * np.eye(3)[given]
    estimate = estimate_transition(probs, given, method="confident")
    assert clean_level(estimate.transition) > clean_level(T) == pytest.approx(3)
    assert clean_level_lower_bound(np.round(300 * T), alpha=0.05) < 3
    loss = parse_loss("agce:a=6,q=1.5")
    assert loss.asymmetry_ratio() == 1
    row = certify(loss, T).rows[0]
    assert row.verdict == certify(str(loss), np.array(T)).verdict == "proved"
    for name in ("margin", "runner_up", "minimiser", "mass_at_bound"):
        assert hasattr(row, name)
