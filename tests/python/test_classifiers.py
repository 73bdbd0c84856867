"""`alfs.NoiseAwareClassifier` as scikit-learn's own estimators are checked, and what it buys."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import alfs_cli as alfs
from alfs_cli.noise import inject, symmetric


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("estimates_made_once")  # a dozen containers of the same sparse data
def test_it_passes_the_checks_of_scikit_learn():
    check_estimator(alfs.NoiseAwareClassifier(LogisticRegression(), folds=2))


@pytest.fixture(scope="module")
def digits():
    X, true = load_digits(return_X_y=True)
    X, true = X[:900], true[:900]
    return X, true, inject(true[:600], symmetric(0.3, 10), np.random.default_rng(0))


def test_what_it_leaves_out_is_wrong_and_that_helps(digits):
    X, true, given = digits
    estimator = make_pipeline(StandardScaler(), KNeighborsClassifier(3))
    model = alfs.NoiseAwareClassifier(estimator, folds=4).fit(X[:600], given)
    wrong = given != true[:600]
    assert (model.left_out_ & wrong).sum() > 0.8 * model.left_out_.sum() > 60
    assert model.estimate_.noise_rate.low < 0.27 < model.estimate_.noise_rate.high
    assert model.transition_.shape == (10, 10)
    plain = estimator.fit(X[:600], given).score(X[600:], true[600:])
    assert model.score(X[600:], true[600:]) > plain + 0.05
    np.testing.assert_allclose(model.predict_proba(X[600:]).sum(1), 1)


def test_names_and_frames_go_through():
    rng = np.random.default_rng(0)
    true = np.array(["no", "yes", "so-so"])[np.arange(180) % 3]
    X = pd.DataFrame(
        rng.normal(size=(180, 3)) + 5 * np.eye(3)[np.arange(180) % 3], columns=list("abc")
    )
    y = pd.Series(np.where(np.arange(180) < 12, "no", true), index=np.arange(180)[::-1])
    model = alfs.NoiseAwareClassifier().fit(X, y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert set(model.predict(X)) == {"no", "yes", "so-so"}
    assert (model.predict(X) == true).mean() > 0.98
    assert set(np.flatnonzero(model.left_out_)) <= set(range(12)) | set(
        np.flatnonzero(model.predict(X) != true)
    )


def test_a_parameter_out_of_range_is_no_lack_of_data(digits):
    X, given, _ = digits
    with pytest.raises(alfs.AlfsError, match="issue_threshold is 50, not between 0 and 1"):
        alfs.NoiseAwareClassifier(issue_threshold=50).fit(X[:200], given[:200])


def test_no_class_vanishes_and_too_little_is_not_judged():
    X = np.random.default_rng(0).normal(size=(41, 2))
    y = np.array([0] * 20 + [1] * 20 + [2])
    model = alfs.NoiseAwareClassifier().fit(X, y)
    assert model.estimate_ is None
    assert not model.left_out_.any()
    assert (model.transition_ == np.eye(3)).all()
    assert set(model.classes_) == {0, 1, 2}
