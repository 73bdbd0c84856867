"""Estimators of T: ESTIMATORS is every method there is; its module is loaded when it is used."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from alfs_cli.estimators.parts.sample import Estimate, Sample


@dataclass(frozen=True)
class Method:
    """Where the function of a method lies, `module:function`, and what it asks for.

    It is given a whole Sample, or its probabilities (N, K) and labels (N,) alone where it `sees`
    no more. `with_trusted` is the function to call where a random sample of true labels is there.
    Classes with next to no examples are set aside, unless it `keeps_rare` ones.
    """

    place: str
    sees: Literal["sample", "scores"] = "sample"
    with_trusted: str | None = None
    needs: Literal["trusted", "annotations"] | None = None
    keeps_rare: bool = False

    @property
    def uses_trusted(self) -> bool:
        """Whether a random sample of true labels serves it."""
        return self.with_trusted is not None or self.needs == "trusted"

    def __call__(self, sample: "Sample") -> "Estimate":
        """Estimate T from a sample."""
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
