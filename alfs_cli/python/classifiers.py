"""`alfs.NoiseAwareClassifier`: any classifier of scikit-learn's, fitted to labels that hold."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.utils import _safe_indexing as rows_of
from sklearn.utils import column_or_1d, indexable
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from alfs_cli.errors import InputError
from alfs_cli.python.estimates import Estimate, estimate

LEFT_OUT = ("proven", "likely")  # kinds of suspects
FEWEST = 2  # examples of a class that is divided into folds


class NoiseAwareClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier fitted without the labels that its own out-of-fold probabilities speak against.

    `estimator` is any classifier with predict_proba, by default logistic regression. `fit` asks it
    for out-of-fold probabilities in `folds` folds, estimates T from them as `alfs.estimate` does,
    leaves out the labels that are likely wrong, as long as no class vanishes, and fits it to the
    rest.

    After `fit`: `estimator_`, `classes_`, `transition_` (K, K), whose rows are true classes,
    `noise_rate_`, `estimate_` (an `alfs.Estimate`), and `left_out_` (N,), which labels were left
    out. Where there is too little to judge, all of these but the first two say that nothing is
    known: T is the identity, and `estimate_` None.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(600, 2)) + 4 * np.eye(2)[np.arange(600) % 2]
    >>> y = np.where(np.arange(600) < 60, "no", np.array(["no", "yes"])[np.arange(600) % 2])
    >>> model = NoiseAwareClassifier().fit(X, y)
    >>> bool(model.left_out_[:60].sum() > 20), model.classes_.tolist()
    (True, ['no', 'yes'])
    """

    def __init__(
        self, estimator: Any = None, *, folds: int = 5, issue_threshold: float = 0.5, seed: int = 0
    ) -> None:
        self.estimator = estimator
        self.folds = folds
        self.issue_threshold = issue_threshold
        self.seed = seed

    def fit(self, X: Any, y: ArrayLike) -> "NoiseAwareClassifier":
        """Fit to X (N, ...), whatever `estimator` takes, and labels y (N,)."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        X, y = indexable(X, y)
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        self.classes_, places = np.unique(labels, return_inverse=True)
        if len(self.classes_) == 0:
            raise ValueError("found array with 0 sample(s) while a minimum of 2 is required")
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only, {self.classes_[0]!r}: two or more are needed")
        estimator = LogisticRegression(max_iter=1000) if self.estimator is None else self.estimator
        self.estimate_ = self._estimated(estimator, X, places)
        wrong = np.zeros(len(places), dtype=bool)
        self.transition_, self.noise_rate_ = np.eye(len(self.classes_)), 0.0
        if self.estimate_ is not None:
            wrong = _suspected(self.estimate_.suspects, places)
            self.transition_ = self.estimate_.transition
            self.noise_rate_ = self.estimate_.noise_rate.value
        self.left_out_ = wrong
        kept = np.flatnonzero(~wrong)
        chosen = (X, labels) if wrong.sum() == 0 else (rows_of(X, kept), labels[kept])
        self.estimator_ = clone(estimator).fit(*chosen)
        return self

    def _estimated(self, estimator: Any, X: Any, places: NDArray[np.int64]) -> Estimate | None:
        """Return the estimate from out-of-fold probabilities, None where there is too little."""
        fewest = int(np.bincount(places).min())
        if fewest < FEWEST:
            return None
        folds = StratifiedKFold(min(self.folds, fewest), shuffle=True, random_state=self.seed)
        probs = cross_val_predict(estimator, X, places, cv=folds, method="predict_proba")
        names = [str(place) for place in range(len(self.classes_))]
        try:
            return estimate(
                pred_probs=probs,
                labels=places,
                class_names=names,
                issue_threshold=self.issue_threshold,
                in_sample_ok=True,  # they are out of fold, however sure they are
                seed=self.seed,
            )
        except InputError:  # too little to tell by
            return None

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each example (N,)."""
        check_is_fitted(self)
        found: NDArray[Any] = self.estimator_.predict(X)
        return found

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probabilities of the true classes (N, K)."""
        check_is_fitted(self)
        found: NDArray[np.float64] = self.estimator_.predict_proba(X)
        return found

    def __sklearn_tags__(self) -> Any:
        """Return what it takes: what the estimator takes."""
        tags = super().__sklearn_tags__()
        inner = LogisticRegression() if self.estimator is None else self.estimator
        tags.input_tags.sparse = inner.__sklearn_tags__().input_tags.sparse
        return tags

    @property
    def n_features_in_(self) -> int:
        """The number of features that the estimator was fitted to."""
        check_is_fitted(self, "estimator_")
        return int(self.estimator_.n_features_in_)

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """The names of these features, where they have some."""
        check_is_fitted(self, "estimator_")
        names: NDArray[Any] = self.estimator_.feature_names_in_
        return names


def _suspected(suspects: pd.DataFrame, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which labels are left out (N,): those likely wrong, of classes that keep enough."""
    wrong = np.zeros(len(places), dtype=bool)
    wrong[suspects["index"].to_numpy()[suspects["kind"].isin(LEFT_OUT).to_numpy()]] = True
    left = np.bincount(places[~wrong], minlength=int(places.max()) + 1)
    wrong &= left[places] >= FEWEST
    return wrong
