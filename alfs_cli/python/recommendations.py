"""`alfs.recommend` and `alfs.certify`: losses that provably withstand the estimated noise."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.errors import InputError
from alfs_cli.formats.blocks import Report
from alfs_cli.noise import as_array, read_named_transition
from alfs_cli.python.asked import FileName, Names, audit_place
from alfs_cli.python.estimates import Estimate, estimate_of
from alfs_cli.python.showing import Shown
from alfs_cli.python.wording import told_to_programs
from alfs_cli.recommending import recommend as sought
from alfs_cli.recommending.audited import audit_reference
from alfs_cli.results.recommendation import Recommendation, Recommendations
from alfs_cli.text.numbers import ratio

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from alfs_cli.certificate import Certificate, RowCertificate
    from alfs_cli.certificate.verdicts import TorchLoss
    from alfs_cli.losses import Loss
    from alfs_cli.noise import TransitionMatrix
    from alfs_cli.python.auditing import Audit

IN_MEMORY = "an estimate in memory"


@dataclass(frozen=True, eq=False, repr=False)
class Recommended(Shown, Sequence[Recommendation]):
    """Recommended losses, best first: `rec[0].loss`, `.certificate`, `.margin`, `.why`.

    `result` is the content of recommendation.json.
    """

    result: Recommendations

    def __len__(self) -> int:
        return len(self.result.recommendations)

    def __getitem__(self, place: Any) -> Any:
        """Return a recommendation, or those of a slice."""
        return self.result.recommendations[place]

    def __iter__(self) -> Iterator[Recommendation]:
        return iter(self.result.recommendations)

    @property
    def loss(self) -> str:
        """The best loss as text; raises InputError where none is recommended."""
        if not len(self):
            raise InputError(
                f"no loss is recommended: {self.status}", help="; ".join(self.advice) or None
            )
        return self.result.recommendations[0].loss

    @property
    def status(self) -> str:
        """Certified, uncertain or impossible."""
        return self.result.status

    @property
    def advice(self) -> tuple[str, ...]:
        """What the user should know or do, one sentence each."""
        return self.result.advice

    def save(self, folder: FileName) -> None:
        """Write recommendation.json into a folder, as the command does."""
        self.result.save(Path(folder) / "recommendation.json")

    def document(self) -> dict[str, object]:
        """Return the JSON document `alfs.recommendation/1`."""
        return self.result.document()

    def _lines(self) -> tuple[str, list[tuple[str, str]]]:
        level = self.result.clean_level
        first = f"{len(self)} losses, {self.status}: r = {ratio(level.value)}, "
        first += f"at least {ratio(level.low)}"
        rows = [
            (f"[{place}]", f"{one.loss}, {_correction(one)}{one.certificate}")
            for place, one in enumerate(self.result.recommendations[:5])
        ]
        return first, rows + [("advice", text) for text in self.advice[:2]]

    def _report(self) -> Report:
        from alfs_cli.reports.recommendation import recommendation_report

        page = recommendation_report(self.result)
        return Report(page.title, page.blocks[:3], {})


def _correction(one: Recommendation) -> str:
    return "" if one.correction == "none" else f"with {one.correction} correction, certificate "


def recommend(
    est: Estimate | FileName,
    *,
    safety: float | None = None,
    lr: float = 0.01,
    prefer: str = "balanced",
    losses: Names = None,
    audit: "Audit | FileName | None" = None,
) -> Recommended:
    """Recommend loss parameters whose asymmetry ratio exceeds the bound, each with a certificate.

    `est` is an estimate, its file or its folder. `safety` is the factor by which the ratio exceeds
    1 / r, 1.25 by default; `lr` is the learning rate that the loss will be trained with; `prefer`
    is robustness, balanced or fit; `losses` keeps these families only. `audit` is an audit of the
    same data, or its audit.json: certificates then rest on the clean level that it shows. Zhou et
    al., ICML 2021, Theorem 3 and Corollaries.

    Raises AlfsError for an estimate that cannot be read or a setting out of its range.

    >>> import numpy as np
    >>> from alfs_cli.python.estimates import estimate
    >>> y = np.arange(200) % 2
    >>> est = estimate(pred_probs=0.05 + 0.9 * np.eye(2)[y], labels=y, in_sample_ok=True)
    >>> rec = recommend(est, losses=["nce+agce"])
    >>> rec.status, rec[0].loss == rec.loss
    ('certified', True)
    """
    with told_to_programs():
        made = estimate_of(est)
        families = losses.split(",") if isinstance(losses, str) else losses
        found = sought(
            made.result,
            estimate_path=IN_MEMORY if made.source is None else str(made.source),
            safety=safety,
            lr=lr,
            prefer=prefer,
            losses=None if families is None else tuple(families),
            audit=None if audit is None else audit_reference(audit_place(audit), made.result),
        )
    return Recommended(found)


@dataclass(frozen=True, eq=False, repr=False)
class Certified(Shown):
    """The certificate of a loss on a T; `result` holds all of it."""

    result: "Certificate"

    @property
    def loss(self) -> str:
        """The loss with all its parameters."""
        return self.result.loss

    @property
    def verdict(self) -> str:
        """Proved, tolerant, refuted or not-refuted: the worst verdict of the rows."""
        return self.result.verdict

    @property
    def rows(self) -> "tuple[RowCertificate, ...]":
        """The verdict of each true class, with margin, runner_up, minimiser, mass_at_bound."""
        return self.result.rows

    def document(self) -> dict[str, Any]:
        """Return the JSON document `alfs.certificate/1`."""
        return self.result.document()

    def _lines(self) -> tuple[str, list[tuple[str, str]]]:
        margins = [row for row in self.rows if row.margin is not None]
        rows = []
        if margins:
            least = min(margins, key=lambda row: row.margin or 0.0)
            pair = f"'{least.class_}' against '{least.runner_up}'"
            rows.append(("margin", f"{ratio(least.margin)} at the least, {pair}"))
        worst = [str(row.class_) for row in self.rows if row.verdict == self.verdict]
        rows.append(("classes", f"{len(worst)} of {len(self.rows)} are {self.verdict}"))
        return f"{self.verdict}: {self.loss}", rows

    def _report(self) -> Report:
        from alfs_cli.reports.losses import certificate_report

        page = certificate_report(self.result)
        return Report(page.title, page.blocks[:2], {})


def certify(
    loss: "Loss | str | TorchLoss",
    transition: "Estimate | FileName | TransitionMatrix | ArrayLike",
    *,
    class_names: Sequence[str] | None = None,
) -> Certified:
    """Prove or refute that a loss withstands the noise of a transition matrix.

    `loss` is text such as `nce+agce:a=6,q=1.5,alpha=1,beta=4`, or a function from logits (N, K) and
    labels (N,) to losses (N,), which can be refuted but never proved. `transition` is T (K, K) with
    rows for true classes, an estimate, or the file of either. Zhou et al., ICML 2021, Definition 2.

    Raises AlfsError where the loss is not known or T is no transition matrix.

    >>> certify("nce+aul", [[0.8, 0.2], [0.3, 0.7]]).verdict
    'proved'
    >>> certify("ce", [[0.8, 0.2], [0.3, 0.7]]).verdict
    'refuted'
    """
    from alfs_cli.certificate import certify as judged

    with told_to_programs():
        T, names = noise_model(transition)
        names = class_names or names
        if names is not None and len(names) != len(T):
            raise InputError(
                f"{len(names)} class_names for a T of {len(T)} classes",
                help="one name per row of T",
            )
        return Certified(judged(loss, T, class_names=names))


def noise_model(transition: Any) -> "tuple[NDArray[np.float64], Sequence[str] | None]":
    """Return T (K, K) from an estimate, a file or an array, and its class names if it has any."""
    if isinstance(transition, Estimate):
        return transition.transition, transition.class_names
    if isinstance(transition, str | os.PathLike):
        path = Path(transition)
        T, names = read_named_transition(path / "estimate.json" if path.is_dir() else path)
        return T.array, names
    return as_array(transition), None
