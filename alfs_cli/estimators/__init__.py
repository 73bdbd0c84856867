"""Estimators of T. ESTIMATORS lists every method; its module is loaded when it is first used.

`estimate_transition` runs any of them on arrays.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from alfs_cli.estimators.fitting import estimate_transition
    from alfs_cli.estimators.parts.sample import Estimate, Sample


@dataclass(frozen=True)
class Method:
    """One estimator: where its function lies, and what it takes.

    Args:
        place: the function, as `module:function`.
        sees: "sample" for a function of a Sample, "scores" for a function of the probabilities
            (N, K) and the labels (N,).
        with_trusted: the function to call instead where there is a random sample of true labels.
        needs: what the method cannot do without.
        keeps_rare: whether it also judges classes with next to no examples; the other methods
            never see those.
    """

    place: str
    sees: Literal["sample", "scores"] = "sample"
    with_trusted: str | None = None
    needs: Literal["trusted", "annotations"] | None = None
    keeps_rare: bool = False

    @property
    def uses_trusted(self) -> bool:
        """Whether the method uses a random sample of true labels."""
        return self.with_trusted is not None or self.needs == "trusted"

    def __call__(self, sample: "Sample") -> "Estimate":
        """Return the estimate of T from a sample."""
        from alfs_cli.estimators.parts.rare import without_rare

        estimate = self._estimate if self.keeps_rare else without_rare(self._estimate)
        return estimate(sample)

    def _estimate(self, sample: "Sample") -> "Estimate":
        is_mended = sample.trusted is not None and sample.trusted.is_random
        if self.with_trusted is not None and is_mended:
            found: Estimate = _function(self.with_trusted)(sample)
            return found
        function = _function(self.place)
        found = function(sample.probs, sample.labels) if self.sees == "scores" else function(sample)
        return found


def _function(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"alfs_cli.estimators.{module}"), name)


ESTIMATORS = {
    "auto": Method("combined:combined", "scores", with_trusted="with_trusted:with_trusted"),
    "confident": Method("confident:confident", "scores"),
    "joint-ml": Method("joint_ml:joint_ml", "scores", with_trusted="with_trusted:with_trusted"),
    "hoc": Method("hoc:hoc"),
    "knn": Method("knn:knn"),
    "anchor": Method("anchor:anchor", "scores"),
    "dual-t": Method("dual_t:dual_t"),
    "gold": Method("with_trusted:gold", needs="trusted", keeps_rare=True),
    "annotators": Method("annotators:annotators", needs="annotations", keeps_rare=True),
}

__all__ = ["ESTIMATORS", "Method", "estimate_transition"]


def __getattr__(name: str) -> Any:
    """Return `estimate_transition`, from its module."""
    if name != "estimate_transition":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _function("fitting:estimate_transition")
