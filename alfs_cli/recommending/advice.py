"""What to do about labels for which no loss is certified: which to re-check, and how many."""

import math

from alfs_cli.results.estimate import ClassCleanLevel, NoiseEstimate

CONFIDENCE = 0.95
MOST_NAMED = 5
HALF_WIDTH = 0.05  # of a noise rate that tells what to do
NEARLY_CLEAN = 0.02  # a noise rate below which cross entropy is worth its simplicity


def advice_on(estimate: NoiseEstimate, status: str, safety: float) -> tuple[str, ...]:
    """Return what a person should know or do, a sentence each."""
    return (*_by_status(estimate, status, safety), *_not_judged(estimate))


def _not_judged(estimate: NoiseEstimate) -> tuple[str, ...]:
    """Name the classes that the certificates say nothing of."""
    names = [f"'{cls.class_name}'" for cls in estimate.class_clean_level if not cls.judged]
    if not names:
        return ()
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (
        f"nothing is known of {', '.join(names[:MOST_NAMED])}{more}, with next to no examples: "
        "merge or drop such a class, or label more of it",
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
    if estimate.noise_rate.high < NEARLY_CLEAN:
        rate = 100 * estimate.noise_rate.high
        return (f"at most {rate:.1f} % of the labels are wrong: plain ce loses little here",)
    return ()


def recheck(estimate: NoiseEstimate, safety: float) -> tuple[str, ...]:
    """Say for each class that its label does not lead how many labels are to be mended.

    Of n examples that are of class i, n T_ij carry j. With m of them mended the two labels have
    n T_ii + m and n T_ij - m examples, and the first is `safety` times the second from
    m = n (safety T_ij - T_ii) / (1 + safety) on.
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
            f"the suspects): about {wrong:,} of them are wrong, and {least:,} put right would do; "
            "then estimate again"
        )
    return tuple(said)


def what_would_decide(estimate: NoiseEstimate) -> tuple[str, ...]:
    """Say how many examples, or how large a trusted sample, would put the bound of r above 1."""
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
            f"true labels of all {estimate.data.n:,} examples would hardly do: re-check those of "
            f"'{level.true_class}' given as '{level.given_class}' first"
        )
    return tuple(said)


def labels_to_tell(estimate: NoiseEstimate, half_width: float = HALF_WIDTH) -> int:
    """Return how many true labels, drawn at random, tell the noise rate to within a half-width.

    By the normal interval at the estimate's confidence, at the rate within its bounds that wants
    the most; no more than there are examples.
    """
    from scipy.special import ndtri

    rate = estimate.noise_rate
    hardest = min(max(rate.low, 0.5), rate.high)
    z = float(ndtri(estimate.confidence))
    needed = math.ceil(z**2 * hardest * (1 - hardest) / half_width**2)
    return min(max(needed, 1), estimate.data.n)


def times_more(value: float, low: float) -> float | None:
    """Return how many times the examples would put the bound above 1; the gap falls as 1/sqrt n.

    None where r itself is hardly above 1, or nothing is known of it.
    """
    if value <= 1.02 or low <= 0 or not math.isfinite(value):
        return None
    return (math.log(value / low) / math.log(value)) ** 2 * 1.1


def trusted_size(estimate: NoiseEstimate, cls: ClassCleanLevel) -> int | None:
    """Return the size of a random sample of true labels that would show r_i > 1 for this class.

    Among m examples of the class with one of the two labels, a share theta = T_ii / (T_ii + T_ij)
    has its own: the least m is sought at which the Clopper-Pearson lower bound of theta is above
    1/2, at 95 %. None where r_i is hardly above 1 itself, or its bound is above 1 already.
    """
    from scipy.special import betaincinv

    if cls.low > 1 or cls.value <= 1.02 or not cls.judged:
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
