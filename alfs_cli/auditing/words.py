"""What an audit knows, in words: intervals, and about how many answers are missing."""

from alfs_cli.audits.claims import parse
from alfs_cli.audits.forecast import Forecast
from alfs_cli.audits.status import ClaimStatus, Status
from alfs_cli.text.numbers import percent, ratio


def is_level(text: str) -> bool:
    """Return whether a claim is about a ratio, not a share."""
    return parse(text).is_level


def known(claim: ClaimStatus) -> str:
    """Return what is known of a claim's quantity, as `between 1.2 % and 8.9 %`."""
    if is_level(claim.text):
        low = ratio(claim.low)
        return f"at least {low}" if claim.high is None else f"between {low} and {ratio(claim.high)}"
    if claim.high is None:
        return f"at least {percent(claim.low)}"
    return between(claim.low, claim.high)


def between(low: float, high: float) -> str:
    """Return an interval of rates in words."""
    return f"between {percent(low)} and {percent(high)}"


def missing(forecast: Forecast | None) -> str:
    """Return about how many more answers decide, nothing where it is decided.

    >>> missing(Forecast(38, 60, 92))
    'about 38 to 92 more answers'
    """
    if forecast is None:
        return ""
    low, high = rounded(forecast.p10), rounded(forecast.p90)
    if low == high:
        return f"about {low:,} more answer{'s' if low != 1 else ''}"
    return f"about {low:,} to {high:,} more answers"


def rounded(count: int) -> int:
    """Return a count to two digits: more would be a promise.

    >>> rounded(1234)
    1200
    """
    return int(float(f"{count:.2g}"))


def over(now: Status, budget: int | None, left: int) -> str | None:
    """Return why nothing more is asked: `decided`, `budget`, `all answered`, or None."""
    if now.is_decided:
        return "decided"
    if budget is not None and now.answers >= budget:
        return "budget"
    return "all answered" if left == 0 else None
