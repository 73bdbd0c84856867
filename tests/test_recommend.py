"""Recommendations prove themselves: each text goes back through the certificate."""

import math

import pytest

from alfs_cli.certificate import certify
from alfs_cli.errors import AlfsError
from alfs_cli.estimate import CleanLevel
from alfs_cli.fitting import fit_score
from alfs_cli.losses import parse_loss
from alfs_cli.recommend import (
    PREFERENCES,
    TARGETS,
    ael_text,
    agce_text,
    aul_text,
    load_recommendations,
    recommend,
)


def level(value, low, high):
    return CleanLevel(value, low, high, "cat", "dog")


@pytest.mark.parametrize("ratio", [0.05, 0.3, 0.675, 0.85, 0.999])
def test_parameters_reach_the_ratio_and_not_much_more(ratio):
    for text in (ael_text(ratio), aul_text(ratio, 1.5), aul_text(ratio, 3), agce_text(ratio, 0.4)):
        found = parse_loss(text).asymmetry_ratio()
        assert ratio <= found
        assert found - ratio < 0.01


def test_numbers_of_the_theory():
    """Symmetric 0.8, K = 10: r = 2.25, and AEL needs a >= 1.2332, AUL(p=2) 1.8."""
    assert ael_text(1 / 2.25) == "ael:a=1.24"
    assert aul_text(1 / 2.25, 2) == "aul:a=1.8,p=2"
    assert agce_text(1 / 2.25, 0.5) == "agce:a=0.247,q=0.5"


@pytest.mark.parametrize("prefer", PREFERENCES)
@pytest.mark.parametrize(
    "low", [1.05, *(pytest.param(low, marks=pytest.mark.slow) for low in (1.3, 3.5, 40.0))]
)
def test_every_recommendation_is_proved_and_scaled(estimate, prefer, low):
    made = estimate(clean_level=level(low * 1.3, low, low * 2))
    found = recommend(made, estimate_path="e.json", prefer=prefer)
    assert found.status == "certified"
    assert found.bound == 1 / low
    assert found.required_ratio == min(1.0, 1.25 / low)
    assert len(found.recommendations) >= 4
    for item in found.recommendations:
        loss = parse_loss(item.loss)
        assert str(loss) == item.loss
        assert item.certificate == "proved"
        assert certify(loss, made.transition).verdict == "proved"
        assert item.term_ratio == loss.term_ratio()
        assert item.asymmetry_ratio == loss.asymmetry_ratio()
        assert item.term_ratio >= found.required_ratio
        assert item.margin == pytest.approx(item.term_ratio * low)
        assert item.margin >= 1
        assert item.fit == pytest.approx(fit_score(loss, 3))
        assert item.fit * found.lr == pytest.approx(TARGETS[prefer], rel=0.12)
    assert len({item.loss for item in found.recommendations}) == len(found.recommendations)


def test_the_scale_follows_the_learning_rate(estimate):
    slow = recommend(estimate(), estimate_path="e", lr=0.01).recommendations[0]
    fast = recommend(estimate(), estimate_path="e", lr=0.1).recommendations[0]
    assert slow.fit == pytest.approx(10 * fast.fit, rel=0.15)
    assert slow.term_ratio == fast.term_ratio


def test_impossible(estimate):
    T = ((0.3, 0.6, 0.1), (0.1, 0.9, 0.0), (0.0, 0.0, 1.0))
    made = estimate(transition=T, clean_level=level(0.5, 0.3, 0.8), dominant=False)
    found = recommend(made, estimate_path="e")
    assert found.status == "impossible"
    assert found.required_ratio == 1.0
    assert {item.certificate for item in found.recommendations} == {"not-refuted"}
    assert all(item.term_ratio == 1 for item in found.recommendations)
    assert "'cat' given as 'dog'" in found.advice[1]


def test_uncertain_says_what_would_decide(estimate):
    found = recommend(estimate(clean_level=level(1.5, 0.9, 2.5), dominant=None), estimate_path="e")
    assert found.status == "uncertain"
    assert {item.certificate for item in found.recommendations} == {"not-refuted"}
    assert "examples of 'cat' (now 450)" in found.advice[1]
    hopeless = estimate(clean_level=level(0.9, 0.0, 1.5), dominant=None)
    assert "more examples alone would not" in recommend(hopeless, estimate_path="e").advice[1]
    assert recommend(hopeless, estimate_path="e").bound == math.inf


def test_clean_labels(estimate):
    T = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    made = estimate(transition=T, clean_level=level(math.inf, 40.0, math.inf))
    assert recommend(made, estimate_path="e").status == "certified"


def test_rejected_are_named(estimate):
    found = recommend(estimate(), estimate_path="e")
    names = {item.loss.partition(":")[0]: item for item in found.rejected}
    assert set(names) == {"ce", "fl", "gce", "sce", "nce", "nfl"}
    assert names["ce"].asymmetry_ratio == 0
    for item in found.rejected:
        assert certify(parse_loss(item.loss), estimate().transition).verdict != "proved"


def test_saved_and_read_back(estimate, tmp_path):
    found = recommend(estimate(), estimate_path="e.json")
    found.save(tmp_path / "r.json")
    assert load_recommendations(tmp_path / "r.json") == found


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"safety": 0.9}, "--safety is 0.9"),
        ({"safety": math.nan}, "--safety is nan"),
        ({"lr": 0}, "--lr is 0"),
        ({"prefer": "robust"}, "did you mean 'robustness'"),
        ({"losses": ("nce+agec",)}, r"did you mean 'nce\+agce'"),
    ],
)
def test_wrong_options(estimate, options, says):
    with pytest.raises(AlfsError, match=says):
        recommend(estimate(), estimate_path="e", **options)
