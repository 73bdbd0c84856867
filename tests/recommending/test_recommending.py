"""Recommendations prove themselves: each text goes back through the certificate."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from alfs_cli.certificate import certify
from alfs_cli.certificate.tuning import TUNING as CERTIFICATES
from alfs_cli.errors import AlfsError, InputError
from alfs_cli.formats import render
from alfs_cli.losses import LOSSES, parse_loss
from alfs_cli.losses.fitting import corrected_fit_score, fit_score
from alfs_cli.losses.terms import Computed
from alfs_cli.losses.vector import AMSE
from alfs_cli.noise import TransitionMatrix, clean_level, transition_of
from alfs_cli.recommending import PREFERENCES, load_recommendations
from alfs_cli.recommending import recommend as recommend_anew
from alfs_cli.recommending.advice import recheck, trusted_size
from alfs_cli.recommending.aims import (
    accuracy,
    easy_accuracy,
    fit_target,
    is_easy,
    least_level,
    wrong_classes,
)
from alfs_cli.recommending.explanation import explained
from alfs_cli.recommending.families import COMPLETE, ael_text, agce_text, aul_text
from alfs_cli.recommending.recipe import recipe_text
from alfs_cli.recommending.tuning import TUNING
from alfs_cli.reports.recommendation import recommendation_report
from alfs_cli.results.estimate import Bounded, CleanLevel
from alfs_cli.settings.recipes import parse_recipe

RECOMMENDED = {}
CERTIFIED = {}


@pytest.fixture(autouse=True)
def _certified_once(monkeypatch):
    """Recommendations on the same T ask for the same certificates; each is made once."""

    def certified(loss, T, **options):
        asked = str(loss), np.asarray(T).tobytes(), tuple(options.items())
        if asked not in CERTIFIED:
            CERTIFIED[asked] = certify(loss, T, **options)
        return CERTIFIED[asked]

    monkeypatch.setattr("alfs_cli.recommending.search.certify", certified)


def recommend(made, **options):
    """Recommend once what several tests look at."""
    asked = repr((made, sorted(options.items())))
    if asked not in RECOMMENDED:
        RECOMMENDED[asked] = recommend_anew(made, **options)
    return RECOMMENDED[asked]


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
    plain = [item for item in found.recommendations if item.correction == "none"]
    assert len(plain) >= 5
    for item in plain:
        loss = parse_loss(item.loss)
        assert str(loss) == item.loss
        assert item.certificate == "proved"
        assert certify(loss, made.transition, mass=False).verdict == "proved"
        assert item.asymmetry_ratio == loss.asymmetry_ratio()
        assert item.margin >= 1
        if item.term_ratio is not None:
            assert item.term_ratio >= found.required_ratio
            assert item.margin == pytest.approx(item.term_ratio * low)
            assert loss.term_ratio() in (None, item.term_ratio)
        assert item.fit == pytest.approx(fit_score(loss, 3))
        assert item.fit * found.lr == pytest.approx(fit_target(made, prefer), rel=0.02)
    assert len({item.loss for item in plain}) == len(plain)


def test_a_gap_is_what_jal_asks_for(estimate):
    """Its margin is a times the least lead: proved at that lead, refuted at less than 1 / a."""
    found = recommend(estimate(gap=Bounded(0.5, 0.4, 0.6)), estimate_path="e")
    item = next(r for r in found.recommendations if r.loss.startswith("jal-ce"))
    a = parse_loss(item.loss).terms[0].a
    assert item.term_ratio is None
    assert item.margin == pytest.approx(a * 0.4)
    assert a * 0.4 == pytest.approx(found.safety, rel=0.01)
    for lead, verdict in ((1.01 / a, "proved"), (0.99 / a, "refuted")):
        row = [(1 + lead) / 2, (1 - lead) / 2, 0.0]
        T = [row, [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
        assert certify(parse_loss(item.loss), T).verdict == verdict


def concentrated(estimate, **changes):
    """Return an estimate of ten classes, four of which go to one other at 30 %."""
    T = transition_of("asymmetric", 0.3, 10, dataset="mnist").array
    made = estimate()
    rate = float(1 - np.diag(T).mean())
    return replace(
        made,
        data=replace(made.data, classes=tuple("0123456789"), given_counts=(150,) * 10),
        transition=tuple(map(tuple, T.tolist())),
        class_prior=(0.1,) * 10,
        class_clean_level=(),
        noise_rate=Bounded(rate, rate - 0.02, rate + 0.02),
        clean_level=CleanLevel(clean_level(T), 1.5, 4.0, "2", "7"),
        **changes,
    )


def test_concentrated_noise_is_corrected_for(estimate):
    """T comes into training where noise goes to few classes, and nothing is claimed for it."""
    made = concentrated(estimate)
    assert wrong_classes(made) < TUNING.most_wrong_classes
    found = recommend(made, estimate_path="e")
    first, *others = found.recommendations
    assert found.status == "certified"
    assert first.correction == "forward"
    assert "relies on the estimated T (trust high)" in first.why
    loss, T = parse_loss(first.loss), np.array(made.transition)
    assert (first.certificate, first.margin, first.term_ratio) == ("n/a", None, None)
    assert (first.mass_at_bound, first.escape) == (None, None)
    apart = TransitionMatrix(T).held_apart(first.least_level).array
    assert apart[5, 5] / apart[5, 6] == apart[6, 6] / apart[6, 5] == pytest.approx(3)  # they swap
    assert (np.delete(apart, (5, 6), axis=0) == np.delete(T, (5, 6), axis=0)).all()
    reached = corrected_fit_score(loss, apart) * found.lr
    assert reached == pytest.approx(fit_target(made, "balanced", is_corrected=True), rel=0.02)
    assert {item.correction for item in others} == {"none"}
    assert {item.certificate for item in others} == {"proved"}


def test_only_classes_that_swap_labels_are_held_apart(estimate):
    assert least_level(estimate()) == 0  # no two swap many
    one_way = estimate(transition=((0.5, 0.5, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    assert least_level(one_way) == 0
    both_ways = estimate(transition=((0.5, 0.5, 0.0), (0.2, 0.8, 0.0), (0.0, 0.0, 1.0)))
    assert least_level(both_ways) == 3


@pytest.mark.slow
def test_where_correction_is_not_recommended(estimate):
    corrections = [
        {item.correction for item in recommend(made, estimate_path="e", **options).recommendations}
        for made, options in (
            (estimate(noise_rate=Bounded(0.25, 0.2, 0.3)), {}),  # of two others both are given
            (concentrated(estimate), {"prefer": "robustness"}),
            (concentrated(estimate), {"losses": ("ael",)}),
            (concentrated(estimate, dominant=False), {}),
        )
    ]
    assert corrections == [{"none"}] * 4


def test_accuracy_behind_the_agreement(estimate):
    """Of examples told right 1 - e agree, of the others e / (K - 1)."""
    made = concentrated(estimate)
    rate, K = made.noise_rate.value, 10
    for right in (0.3, 0.9):
        agreement = right * (1 - rate) + (1 - right) * rate / (K - 1)
        seen = replace(made, evidence=replace(made.evidence, agreement=agreement))
        assert accuracy(seen) == pytest.approx(right)


def test_what_labels_that_hardly_lead_can_show(estimate):
    """The accuracy that calls data easy falls with the lead; without a lead nothing does."""
    limits = []
    for rate in (0.2, 0.6, 0.8, 0.9):
        T = transition_of("symmetric", rate, 10)
        few = replace(concentrated(estimate), transition=tuple(map(tuple, T.array.tolist())))
        limits.append(easy_accuracy(few))
    assert limits[0] > limits[1] > limits[2]
    assert limits[3] == math.inf
    assert not is_easy(few)


def test_curved_classes_are_fitted_faster(estimate):
    """Where classes overlap, and a curved border tells them apart better than a straight one."""
    made = concentrated(estimate)
    hard = replace(made, evidence=replace(made.evidence, agreement=0.5, map="linear"))
    curved = replace(hard, evidence=replace(hard.evidence, map="fourier"))
    assert fit_target(curved, "balanced") == 4 * fit_target(hard, "balanced")
    easy = replace(curved, evidence=replace(curved.evidence, agreement=0.84))
    assert fit_target(easy, "balanced") == fit_target(
        replace(easy, evidence=replace(easy.evidence, map="linear")), "balanced"
    )
    assert (
        "which takes 4 times"
        in dict(explained(recommend(curved, estimate_path="e"), curved))["fit aimed at"]
    )
    first = {
        name: recommend(one, estimate_path="e", prefer="robustness").recommendations[0].loss
        for name, one in (("straight", hard), ("curved", curved))
    }
    assert first["straight"].startswith("anl-ce")
    assert first["curved"].startswith("nce+rce")


@pytest.mark.parametrize("K", [3, 6, 10])
@pytest.mark.parametrize(("kind", "classes"), [("symmetric", -1), ("pair", 1)])
def test_how_many_classes_wrong_labels_go_to(estimate, kind, classes, K):
    """All others where noise is spread evenly, one where each class is given as one other."""
    T = transition_of(kind, 0.3, K)
    made = replace(
        concentrated(estimate),
        noise_rate=Bounded(0.3, 0.2, 0.4),
        clean_level=replace(concentrated(estimate).clean_level, value=clean_level(T)),
    )
    expected = classes if classes > 0 else K - 1
    assert wrong_classes(made) == pytest.approx(expected)
    assert (wrong_classes(made) < TUNING.most_wrong_classes) == (kind == "pair")


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


@pytest.mark.slow
def test_uncertain_says_what_would_decide(estimate):
    found = recommend(estimate(clean_level=level(1.5, 0.9, 2.5), dominant=None), estimate_path="e")
    assert found.status == "uncertain"
    first, *others = found.recommendations
    assert (first.correction, first.certificate) == ("forward", "n/a")
    assert {item.certificate for item in others} == {"not-refuted"}
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
    assert set(names) == {"ce", "fl", "gce", "sce", "nce", "nfl", "eps-ce+mae"}
    assert names["ce"].asymmetry_ratio == 0
    for item in found.rejected:
        assert certify(parse_loss(item.loss), estimate().transition).verdict != "proved"


def test_losses_that_keep_lost_classes_come_last(estimate):
    """At r = 1.3 AUL(2, .5) and AGCE(1, 1.5) have quotients of .92, NCE sums one without bound."""
    made = estimate(clean_level=level(1.6, 1.2, 2.0))
    found = recommend(made, estimate_path="e", prefer="robustness")
    quotients = [item.escape for item in found.recommendations]
    slow = [q is not None and q < CERTIFICATES.slow_escape for q in quotients]
    assert slow == sorted(slow)
    assert 0 < sum(slow) < len(slow)
    for item, is_slow in zip(found.recommendations, slow, strict=True):
        assert item.certificate == "proved"
        slope = parse_loss(item.loss).escape_slope()
        assert item.escape == (None if slope is None else pytest.approx(slope * 1.2))
        assert ("a class lost early" in item.why) == is_slow
    assert found.recommendations[0].escape == math.inf
    rows = dict(explained(found, made))
    assert "escape quotient g(0) / g(1) x 1.2 = " in rows[found.recommendations[-1].loss]
    alone = recommend(made, estimate_path="e", losses=("mae",)).recommendations
    assert [item.loss.partition(":")[0] for item in alone] == ["mae"]  # last of many, still named


def test_one_loss_one_verdict(estimate):
    """No certificate speaks of a loss of log(T^T p): none is shown, and none contradicts PASS."""
    found = recommend(concentrated(estimate), estimate_path="e")
    text = render(recommendation_report(found), "text")
    assert "recommended: gce" in text
    assert "n/a" in text
    assert "refuted" not in text
    assert "0.00x" not in text
    assert found.document()["recommendations"][0]["margin"] is None


def test_a_new_loss_is_not_called_refuted(estimate, monkeypatch):
    """A term without a rule, made a family: judged not refuted, so not recommended as certified."""

    @dataclass(frozen=True)
    class Mine(AMSE):
        name = "mine"
        ruling, rise, minimiser = Computed.ruling, Computed.rise, Computed.minimiser

    monkeypatch.setitem(LOSSES, "mine", Mine)
    with pytest.raises(AlfsError, match="not a family of losses") as caught:
        recommend_anew(estimate(), estimate_path="e", losses=("mine",))
    assert "alfs losses check mine" in caught.value.help
    for table in ("FAMILIES", "ROBUST_ORDER"):
        monkeypatch.setattr(f"alfs_cli.recommending.search.{table}", ("mine", "mae"))
    monkeypatch.setitem(COMPLETE, "mine", ("mine:a=30",))
    found = recommend_anew(estimate(), estimate_path="e", losses=("mine",))
    assert [r.certificate for r in found.recommendations] == ["not-refuted"]
    assert found.status == "uncertain"


def test_tolerant_is_said_of_rejected_losses(estimate):
    even = ((0.6, 0.2, 0.2), (0.1, 0.8, 0.1), (0.0, 0.0, 1.0))
    for T, word in ((even, "tolerant"), (((0.7, 0.3, 0.0), *even[1:]), "not its only minimum")):
        found = recommend(estimate(transition=T), estimate_path="e")
        reasons = {item.loss.partition(":")[0]: item.reason for item in found.rejected}
        assert word in reasons["nce"]
        assert word in reasons["nfl"]


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


def test_how_many_labels_to_mend(estimate):
    """Mended, the right label leads the other by the safety factor, and by no less needed."""
    T = ((0.3, 0.6, 0.1), (0.1, 0.9, 0.0), (0.0, 0.0, 1.0))
    made = estimate(transition=T, clean_level=level(0.5, 0.3, 0.8), dominant=False)
    classes = (
        replace(made.class_clean_level[0], value=0.5, runner_up="dog"),
        *made.class_clean_level[1:],
    )
    (said,) = recheck(replace(made, class_clean_level=classes), safety=1.25)
    n = 1500 * 0.34
    assert f"about {math.ceil(n * 0.6):,} of them are wrong" in said
    mended = next(m for m in range(1000) if (n * 0.3 + m) / (n * 0.6 - m) >= 1.25 - 1e-9)
    assert f"correcting {mended:,} would be enough" in said
    assert "'cat' given as 'dog'" in said
    assert recheck(estimate(), safety=1.25) == ()


def test_how_large_a_trusted_sample(estimate):
    """So many true labels put the exact lower bound of the share above one half, fewer do not."""
    from scipy.stats import beta

    made = estimate()
    cls = replace(made.class_clean_level[0], low=0.9, value=0.8 / 0.15)
    size = trusted_size(made, cls)
    theta = 0.8 / 0.95
    bounds = [
        beta.ppf(0.05, m * theta, m * (1 - theta) + 1)
        for m in (size * 0.34 * 0.95, (size - 2) * 0.34 * 0.95)
    ]
    assert bounds[0] > 0.5 > bounds[1]
    assert trusted_size(made, replace(cls, low=1.2)) is None
    assert trusted_size(made, replace(cls, value=1.0)) is None


def test_a_recipe_is_read_back(estimate, tmp_path):
    made = concentrated(estimate)
    found = recommend(made, estimate_path="alfs-out/estimate.json")
    text = recipe_text(tmp_path / "r.yaml", found, made)
    values = parse_recipe(text, name="r", where="r.yaml").values
    assert values == {
        "dataset.source": "data/",
        "fingerprint": "abc",
        "loss": found.recommendations[0].loss,
        "optimizer.lr": 0.01,
        "correction": "forward",
        "transition.file": "alfs-out/estimate.json",
        "transition.least_level": 3,
    }
    assert "refuted" not in text
    alone = recommend(estimate(), estimate_path="e", prefer="robustness")
    plain = recipe_text(tmp_path / "r.yaml", alone, estimate())
    assert "correction" not in parse_recipe(plain, name="r", where="r.yaml").values


def test_every_number_is_explained(estimate):
    made = concentrated(estimate)
    found = recommend(made, estimate_path="e")
    rows = dict(explained(found, made))
    assert "0.7000 / 0.3000 = 2.333" in rows["clean level r"]
    assert rows["bound"].startswith("1 / r = 1 / 1.5 = 0.6667")
    assert "min(1, 1.25 / 1.5) = 0.8333" in rows["required ratio"]
    assert "2.333 x 0.1500 / 0.8500 = 0.412 (1 where" in rows["correction by T"]
    for item in found.recommendations[1:]:
        assert f"= {item.margin:.4g}" in rows[item.loss] or item.term_ratio is None
    assert rows[f"{found.recommendations[0].loss}, forward"].endswith(
        "right label is 3 times as frequent"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"class_prior": (0.5, 0.5)},
        {"transition": ((1.0, 0.0, 0.0), (0.0, 1.0), (0.0, 0.0, 1.0))},
        {"transition": ((0.9, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))},
        {"clean_level": CleanLevel(2.0, 1.5, 3.0, "cat", "cow")},
    ],
)
def test_parts_that_do_not_fit(estimate, changes):
    with pytest.raises(InputError) as caught:
        recommend(estimate(**changes), estimate_path="e.json")
    assert caught.value.help


def test_no_wrong_label_seen_among_few(estimate):
    """Where r is infinite and its bound low, examples of the weakest class are what is missing."""
    clean = tuple(tuple(float(i == j) for j in range(3)) for i in range(3))
    classes = tuple(
        replace(cls, value=math.inf, low=low, high=math.inf)
        for cls, low in zip(estimate().class_clean_level, (0.4, 0.1, 0.9), strict=True)
    )
    made = estimate(
        transition=clean,
        clean_level=level(math.inf, 0.1, math.inf),
        class_clean_level=classes,
        dominant=None,
    )
    (said,) = [text for text in recommend(made, estimate_path="e").advice if "decide" in text]
    assert f"more examples of '{classes[1].class_name}'" in said
    assert "re-check" not in said
