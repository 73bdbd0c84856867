"""Advice for data for which no loss is certified: which labels to re-check, and how many."""

import math
import shlex

from alfs_cli.recommending.tuning import TUNING
from alfs_cli.results.estimate import ClassCleanLevel, NoiseEstimate
from alfs_cli.results.recommendation import AuditReference

CONFIDENCE = 0.95  # one-sided, of the trusted sample that is advised
MOST_NAMED = 5  # classes named in a sentence


def advice_on(
    estimate: NoiseEstimate, status: str, safety: float, audit: AuditReference | None = None
) -> tuple[str, ...]:
    """Return advice to print, one sentence per string."""
    if audit is not None and status != "certified":
        said = _open_audit(audit) if status == "uncertain" else _lost_audit(audit)
        return (*said, *_not_judged(estimate))
    return (*_by_status(estimate, status, safety), *_not_judged(estimate))


def _open_audit(audit: AuditReference) -> tuple[str, ...]:
    """Say what an audit does not know of r yet, how many answers would tell, and how to go on."""
    shown = f"r is at least {audit.low:g}" if audit.low > 0 else "nothing of r"
    said = [f"after {audit.answers:,} answers the audit '{audit.file}' shows {shown}, not r > 1"]
    if audit.missing is not None:
        said.append(f"{audit.missing} would decide whether the clean label leads in every class")
    folder = shlex.quote(audit.folder)
    said.append(
        f"go on with it: alfs audit DATA --out {folder}"
        if audit.asks_on
        else "its own claims are decided, so another audit goes on with its answers: alfs audit "
        f"DATA --claim 'clean-level >= 1' --continue {folder} --out FOLDER"
    )
    return tuple(said)


def _lost_audit(audit: AuditReference) -> tuple[str, ...]:
    """Say that an audit has shown that the clean label does not lead."""
    return (
        f"after {audit.answers:,} answers the audit '{audit.file}' shows that r is at most "
        f"{audit.high:g}: in some class another label is more frequent than the right one, and no "
        "loss can tell them apart",
        f"mend the labels that were answered: alfs fix DATA --review --audit {audit.file}",
    )


def _not_judged(estimate: NoiseEstimate) -> tuple[str, ...]:
    """Return a sentence that names the classes without a certificate, if there are any."""
    names = [f"'{cls.class_name}'" for cls in estimate.class_clean_level if not cls.judged]
    if not names:
        return ()
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (
        f"nothing is known of {', '.join(names[:MOST_NAMED])}{more}, which have too few examples: "
        "merge or drop such a class, or label more examples of it",
    )


def _by_status(estimate: NoiseEstimate, status: str, safety: float) -> tuple[str, ...]:
    level = estimate.clean_level
    pair = f"'{level.true_class}' given as '{level.given_class}'"
    if status == "impossible":
        return (
            f"{pair}: among examples of the first class the second's label is as frequent as the "
            "right one, and no loss can tell them apart",
            *(recheck(estimate, safety) or ("estimate again from better evidence",)),
        )
    if status == "uncertain":
        return (
            f"the bound of r is {level.low:.2f}, its value {level.value:.2f}, at {pair}",
            *what_would_decide(estimate),
        )
    if estimate.noise_rate.high < TUNING.nearly_clean:
        rate = 100 * estimate.noise_rate.high
        return (f"at most {rate:.1f} % of the labels are wrong: plain ce loses little here",)
    return ()


def recheck(estimate: NoiseEstimate, safety: float) -> tuple[str, ...]:
    """Return a sentence for each class with clean level below 1: how many labels to correct.

    Of n examples of true class i, n T_ij are labelled j. If m of them are corrected, the two labels
    have n T_ii + m and n T_ij - m examples. The first count is at least `safety` times the second
    from m = n (safety T_ij - T_ii) / (1 + safety) on.
    """
    said = []
    for cls in estimate.class_clean_level:
        if cls.value >= 1 or not cls.judged:
            continue
        place = estimate.data.classes.index(cls.class_name)
        other = estimate.data.classes.index(cls.runner_up)
        row = estimate.transition[place]
        n = estimate.data.n * estimate.class_prior[place]
        wrong = math.ceil(n * row[other])
        least = math.ceil(n * (safety * row[other] - row[place]) / (1 + safety) - 1e-9)
        said.append(
            f"re-check the labels '{cls.class_name}' given as '{cls.runner_up}' (issues.csv lists "
            f"the suspects): about {wrong:,} of them are wrong, and correcting {least:,} would be "
            "enough; then estimate again"
        )
    return tuple(said)


def what_would_decide(estimate: NoiseEstimate) -> tuple[str, ...]:
    """Return advice on how many examples or trusted labels would raise the bound of r above 1."""
    level = estimate.clean_level
    judged = [cls for cls in estimate.class_clean_level if cls.judged]
    if math.isinf(level.value) and judged:
        weakest = min(judged, key=lambda cls: cls.low)
        return (
            f"no label was seen in place of another: more examples of '{weakest.class_name}' (now "
            f"{weakest.n:,}) would decide it",
        )
    said = []
    place = estimate.data.classes.index(level.true_class)
    counts = estimate.data.given_counts[place]
    more = times_more(level.value, level.low)
    if more is None:
        said.append(
            f"re-check the labels '{level.true_class}' given as '{level.given_class}' (issues.csv "
            "lists the suspects): more examples alone would not decide it"
        )
    else:
        said.append(
            f"about {math.ceil(counts * more):,} examples of '{level.true_class}' (now "
            f"{counts:,}) at the same noise would decide it"
        )
    sizes = [size for cls in estimate.class_clean_level if (size := trusted_size(estimate, cls))]
    if sizes and estimate.trusted_examples < max(sizes) <= estimate.data.n:
        said.append(
            f"so would the true labels of about {max(sizes):,} examples drawn at random: "
            "alfs estimate --trusted FILE"
        )
    elif more is not None:
        said.append(
            f"even true labels of all {estimate.data.n:,} examples might not decide it: re-check "
            f"the labels '{level.true_class}' given as '{level.given_class}' first"
        )
    return tuple(said)


def labels_to_tell(estimate: NoiseEstimate, half_width: float | None = None) -> int:
    """Return how many true labels, drawn at random, give the noise rate up to a half-width.

    The half-width is that of a normal interval at the estimate's confidence, 0.05 by default. The
    rate assumed is the one within its bounds that needs the most labels. The result is at most the
    number of examples.
    """
    from scipy.special import ndtri

    rate = estimate.noise_rate
    hardest = min(max(rate.low, 0.5), rate.high)
    z = float(ndtri(estimate.confidence))
    width = TUNING.rate_half_width if half_width is None else half_width
    needed = math.ceil(z**2 * hardest * (1 - hardest) / width**2)
    return min(max(needed, 1), estimate.data.n)


def times_more(value: float, low: float) -> float | None:
    """Return by what factor the examples must grow so that the bound of r exceeds 1.

    The gap between the logarithms of `value` and its bound `low` is taken to fall as 1 / sqrt(n).
    None if `value` is not clearly above 1 or not finite, or if there is no bound.
    """
    if value <= TUNING.least_decidable_level or low <= 0 or not math.isfinite(value):
        return None
    return (math.log(value / low) / math.log(value)) ** 2 * TUNING.examples_margin


def trusted_size(estimate: NoiseEstimate, cls: ClassCleanLevel) -> int | None:
    """Return the size of a random sample of true labels that would show r_i > 1 for this class.

    Of m examples of class i whose label is i or its runner-up j, a share theta =
    T_ii / (T_ii + T_ij) has label i. The result follows from the smallest m for which the 95 %
    Clopper-Pearson lower bound of theta is above 1/2. None if r_i is not clearly above 1, or if its
    bound already is.
    """
    from scipy.special import betaincinv

    if cls.low > 1 or cls.value <= TUNING.least_decidable_level or not cls.judged:
        return None
    place = estimate.data.classes.index(cls.class_name)
    other = estimate.data.classes.index(cls.runner_up)
    own, wrong = estimate.transition[place][place], estimate.transition[place][other]
    theta, share = own / (own + wrong), estimate.class_prior[place] * (own + wrong)
    if share <= 0:
        return None
    low, high = 1.0, 1e7
    for _ in range(60):
        m = (low + high) / 2
        bound = float(betaincinv(m * theta, m * (1 - theta) + 1, 1 - CONFIDENCE))
        low, high = (low, m) if bound > 0.5 else (m, high)
    return math.ceil(high / share)
