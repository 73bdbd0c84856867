"""What is said of losses, and theorem 2 by numbers."""

import math

import numpy as np
import pytest

from alfs_cli.losses import LOSSES, SUM_DEFAULTS, parse_loss
from alfs_cli.losses.facts import all_losses, filled_in, loss_facts


def test_every_loss_is_listed():
    assert len(all_losses().losses) == len(LOSSES) + len(SUM_DEFAULTS)


@pytest.mark.parametrize(
    ("text", "complete", "strict", "level"),
    [
        ("mae", True, True, 1),
        ("agce:a=1,q=2", True, False, 1),
        ("ael:a=2", False, True, math.exp(0.5)),
        ("ce", False, None, math.inf),
        ("nce+agce", None, None, None),
    ],
)
def test_for_which_noise(text, complete, strict, level):
    facts = loss_facts(parse_loss(text))
    assert facts.is_completely_asymmetric is complete
    assert facts.is_strictly_asymmetric is strict
    assert facts.least_clean_level == (level if level is None else pytest.approx(level))


@pytest.mark.parametrize(
    "text", ["agce:a=0.3,q=0.4", "aul:a=3,p=2", "ael:a=2", "tce:t=4", "phuber"]
)
def test_formula_of_the_ratio_gives_the_ratio(text):
    """The formula that is printed, evaluated at the parameters that are printed beside it."""
    facts = loss_facts(parse_loss(text))
    formula, _, given = filled_in(facts.terms[0]).partition(" at ")
    values = dict(piece.split(" = ") for piece in given.split(", "))
    scope = {key: float(value) for key, value in values.items()} | {"exp": math.exp}
    assert eval(formula.replace("^", "**"), scope) == pytest.approx(facts.asymmetry_ratio)


@pytest.mark.parametrize("text", ["mae:scale=2", "agce:a=1,q=2", "aul:a=2,p=0.5", "gce:q=1.5"])
def test_theorem_2(text):
    """Excess error <= c excess risk for every eta and every u on the wrong half; tight for MAE."""
    loss = parse_loss(text)
    part, c = loss.separable(), loss_facts(loss).excess_risk_constant
    eta, u = np.linspace(0.5, 1, 51)[1:, None], np.linspace(0, 1, 401)
    risk = eta * part.value(u) + (1 - eta) * part.value(1 - u)
    excess = risk - risk.min(axis=1, keepdims=True)
    error = (2 * eta - 1) * (u <= 0.5)
    assert (error <= c * excess + 1e-9).all()
    if text.startswith("mae"):
        np.testing.assert_allclose(error[:, 200], c * excess[:, 200])
    assert loss_facts(parse_loss("ce")).excess_risk_constant is None
