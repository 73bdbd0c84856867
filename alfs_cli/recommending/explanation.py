"""The explanation of a recommendation: each formula with the values of the estimate."""

from alfs_cli.certificate.tuning import TUNING as CERTIFICATES
from alfs_cli.losses import parse_loss
from alfs_cli.losses.facts import filled_in, loss_facts
from alfs_cli.recommending.aims import (
    accuracy,
    easy_accuracy,
    fit_target,
    is_curved,
    is_easy,
    leads,
    mean_lead,
    target_ratio,
    wrong_classes,
)
from alfs_cli.recommending.tuning import TUNING
from alfs_cli.results.estimate import NoiseEstimate
from alfs_cli.results.recommendation import Recommendation, Recommendations

Rows = list[tuple[str, str]]


def explained(found: Recommendations, estimate: NoiseEstimate) -> tuple[tuple[str, str], ...]:
    """Return (name, explanation) for each number that decides, then for each loss."""
    rows = [*_noise(found, estimate), *_aims(found, estimate), *_correction(estimate)]
    rows += [(_name(r), _loss(r, found, estimate)) for r in found.recommendations]
    return tuple(rows)


def _noise(found: Recommendations, estimate: NoiseEstimate) -> Rows:
    level, low = estimate.clean_level, found.clean_level.low
    true = estimate.data.classes.index(level.true_class)
    given = estimate.data.classes.index(level.given_class)
    row = estimate.transition[true]
    n = estimate.data.given_counts[true]
    if found.audit is not None:
        bound = (
            f"{low:.4g} by the audit '{found.audit.file}': {found.audit.answers:,} answers, a risk "
            f"of {100 * found.audit.risk:g} % at any time, whatever the noise depends on; the "
            f"estimate's own bound is {found.audit.estimated_low:.4g}"
        )
    else:
        bound = (
            f"{low:.4g} with {100 * estimate.confidence:.0f} % confidence; '{level.true_class}' "
            f"has {n:,} labels, and more examples bring the bound nearer to the value"
        )
    rows = [
        (
            "clean level r",
            "the least over the classes of T[i,i] / max T[i,j]: how far the right label leads the "
            f"most frequent wrong one. Here '{level.true_class}' against '{level.given_class}': "
            f"{row[true]:.4f} / {row[given]:.4f} = {level.value:.4g}",
        ),
        ("its lower bound", bound),
    ]
    if low > 0:
        rows += [
            ("bound", f"1 / r = 1 / {low:.4g} = {1 / low:.4g}: a ratio above it is robust"),
            (
                "required ratio",
                f"min(1, safety / r) = min(1, {found.safety:g} / {low:.4g}) = "
                f"{found.required_ratio:.4g}; ratios just above the bound train poorly",
            ),
        ]
    else:
        rows.append(("required ratio", "1: nothing is known of r except that it is not negative"))
    return rows


def _aims(found: Recommendations, estimate: NoiseEstimate) -> Rows:
    aim = target_ratio(estimate, found.required_ratio, found.prefer)
    target = fit_target(estimate, found.prefer)
    called = "easy" if is_easy(estimate) else "not easy"
    K = len(estimate.data.classes)
    least = easy_accuracy(estimate)
    limit = f"from {100 * least:.0f} % on, where right labels lead by {mean_lead(estimate):.3g} "
    limit += "standard deviations on average"
    if least == float("inf"):
        limit = "right labels lead by too little to tell"
    curved = ""
    if is_curved(estimate) and not is_easy(estimate):
        times = f"{TUNING.curved_factor:g} times as much"
        curved = f"; borders between these classes are curved, which takes {times}"
    return [
        (
            "ratio aimed at",
            f"{aim:.4g}: out of sample {100 * estimate.evidence.agreement:.1f} % of the labels "
            "agree, which implies an accuracy on true labels of "
            f"{100 * accuracy(estimate):.1f} %, so these data are {called} ({limit}); easy data "
            f"can afford more than is required (prefer {found.prefer})",
        ),
        (
            "fit aimed at",
            f"{target:.4g} / learning rate {found.lr:g} = {target / found.lr:.4g} times cross "
            f"entropy's speed from probability 1 / {K} to 1 / 2; the weights of each loss are set "
            f"to reach it. Right labels lead by {min(leads(estimate)):.3g} standard deviations in "
            f"the weakest class: from {TUNING.little_lead:g} on easy data are fitted faster"
            + curved,
        ),
    ]


def _correction(estimate: NoiseEstimate) -> Rows:
    rate, K = estimate.noise_rate.value, len(estimate.data.classes)
    if not 0 < rate < 1:
        return [("correction by T", "none: no noise was found")]
    value = wrong_classes(estimate)
    limit = TUNING.most_wrong_classes
    says = "below it a loss gains from T" if value < limit else "above it losses alone are enough"
    return [
        (
            "correction by T",
            "the number of classes that the wrong labels of a class go to is r e / (1 - e) = "
            f"{estimate.clean_level.value:.4g} x {rate:.4f} / {1 - rate:.4f} = {value:.3g} (1 "
            f"where all go to one, {K - 1} where they spread evenly); the limit is "
            f"{limit:g}: {says}",
        )
    ]


def _name(item: Recommendation) -> str:
    return item.loss if item.correction == "none" else f"{item.loss}, {item.correction}"


def _escape(escape: float, low: float) -> str:
    """Return a sentence on whether training recovers a class that it lost early."""
    if escape == float("inf"):
        return "escape quotient infinite: a class lost early comes back at once"
    return (
        f"escape quotient g(0) / g(1) x {low:.4g} = {escape:.4g}: above 1 a class lost early comes "
        f"back, the sooner the larger; losses below {CERTIFICATES.slow_escape:g} come after "
        "equally certain ones"
    )


def _loss(item: Recommendation, found: Recommendations, estimate: NoiseEstimate) -> str:
    low = found.clean_level.low
    parts = [item.why]
    if item.term_ratio is not None:
        parts += [
            f"ratio of {term.name}: {filled_in(term)} is {item.term_ratio:.4g}"
            for term in loss_facts(parse_loss(item.loss)).terms
            if term.ratio_formula is not None
        ]
        parts.append(f"margin {item.term_ratio:.4g} x {low:.4g} = {item.margin:.4g}")
    if item.escape is not None:
        parts.append(_escape(item.escape, low))
    if item.mass_at_bound is not None:
        parts.append(f"at its minimum the right class has probability {item.mass_at_bound:.4g}")
    if item.correction == "forward":
        aim = fit_target(estimate, found.prefer, is_corrected=True) / found.lr
        parts.append(f"its weight is set for a fit of {aim:.4g} under T")
        if item.least_level:
            parts.append(
                "rows of T of classes that swap labels are moved toward the identity until the "
                f"right label is {item.least_level:g} times as frequent"
            )
    return "; ".join(parts)
