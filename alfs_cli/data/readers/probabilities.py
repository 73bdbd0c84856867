"""Class probabilities: which rows sum to 1 up to rounding, and what other rows seem to be."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray, Probabilities
from alfs_cli.data.readers.tuning import TUNING
from alfs_cli.errors import InputError
from alfs_cli.storage.memory import refuse_too_large

CHECK_BYTES = 1 << 20  # bytes checked at a time
# A row whose sum misses 1 by about a thousandth or less is left unchanged. The limit is no decimal
# number, so that no sum of rounded numbers equals it: there the order of addition would decide.
EXACT = 1 / 955
HALF = 1e-2  # the largest miss of rows in float16, which has 11 binary digits
BRAIN = 2.0**-7  # the largest miss of rows in bfloat16: two units of its 8 binary digits
DECIMALS = (6, 5, 4, 3, 2)  # numbers of decimals to which rows may be rounded
LOOKED_AT = 1000  # rows from which a message guesses what the numbers are
CLOSE = 1e-2  # the largest difference at which a message calls numbers equal


@dataclass(frozen=True)
class Rounding:
    """How many of `of` rows were divided by their sum, and by how much a sum missed 1 at `most`."""

    rows: int = 0
    of: int = 0
    most: float = 0.0

    def __add__(self, other: "Rounding") -> "Rounding":
        return Rounding(self.rows + other.rows, self.of + other.of, max(self.most, other.most))

    def notes(self) -> tuple[str, ...]:
        """Return a note for the user if any row was changed."""
        if not self.rows:
            return ()
        return (
            f"{self.rows:,} of {self.of:,} rows of pred_probs sum to 1 only up to rounding (by "
            f"{self.most:.2g} at most): each was divided by its sum",
        )


NOTHING_MENDED = Rounding()


def normalised(
    probs: NDArray[Any], *, where: str, first_row: int = 0
) -> tuple[Probabilities, Rounding]:
    """Return probabilities (N, K) whose rows sum to 1, and how many were divided by their sum.

    A sum may miss 1 by as much as the precision of its row explains: float16, bfloat16, or two to
    six decimals in K columns. Each row is judged alone, so that blocks and shards give the same
    result as the whole. The array is read once, in blocks, and copied only if a row changes.

    Raises InputError for any other row, with a guess at what the numbers are. Rows are counted from
    `first_row` in messages.

    >>> probs, rounding = normalised(np.array([[0.33, 0.33, 0.33]]), where="p")
    >>> probs.round(3).tolist(), rounding.rows
    ([[0.333, 0.333, 0.333]], 1)
    """
    refuse_other_forms(probs, where=where)
    single = probs.dtype.itemsize < 8
    rows = max(1, CHECK_BYTES // (probs.shape[1] * probs.dtype.itemsize))
    ones = np.ones(probs.shape[1], dtype=np.float32 if single else np.float64)
    whole, mended, most = probs, 0, 0.0
    for start in range(0, len(probs), rows):
        block = np.asarray(probs[start : start + rows])
        with np.errstate(invalid="ignore", over="ignore"):
            sums = block @ ones
            if block.min() >= 0 and np.abs(sums - 1).max() <= EXACT:
                continue
            off = np.flatnonzero(~((np.abs(sums - 1) <= EXACT) & (block.min(axis=1) >= 0)))
        chosen = block[off]
        values = chosen.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            missed = np.abs(values.sum(axis=1) - 1)
            broken = ~((missed <= _tolerance(chosen)) & (values.min(axis=1) >= 0))
        if broken.any():
            raise _refusal(probs, start + int(off[broken][0]), first_row, where)
        if whole is probs:
            kept = np.float32 if single else np.float64
            refuse_too_large(probs.size * np.dtype(kept).itemsize, where=f"{where}, rounded,")
            whole = np.array(probs, dtype=kept)
        whole[start + off] = values / values.sum(axis=1, keepdims=True)
        mended, most = mended + len(off), max(most, float(missed.max()))
    return whole, Rounding(mended, len(probs), most)


def refuse_other_forms(probs: NDArray[Any], *, where: str) -> None:
    """Raise InputError unless an array is (N, K), K >= 2, and of floating point."""
    if probs.ndim != 2 or probs.shape[1] < 2:
        alone = probs.ndim == 1 or (probs.ndim == 2 and probs.shape[1] == 1)
        raise InputError(
            f"{where} have shape {probs.shape}, not (N, K) with K >= 2",
            help="of two classes both need a column: np.column_stack([1 - p, p])"
            if alone
            else "one row for each example, one column for each class",
        )
    if probs.dtype.kind == "f":
        return
    help = "probabilities are float32 or float64"
    if probs.dtype.kind == "V" and probs.dtype.itemsize == 2:
        help = "bfloat16, perhaps: save it as float32 (in torch: probs.float().numpy())"
    elif probs.dtype.kind in "iu":
        help = "counts of votes become probabilities by probs / probs.sum(axis=1, keepdims=True)"
    raise InputError(f"{where} are of type {probs.dtype}, not floating point", help=help)


def _tolerance(rows: NDArray[Any]) -> FloatArray:
    """Return by how much the sum of each row (m, K) may miss 1, judged by its digits, (m,)."""
    values = rows.astype(np.float64)
    allowed = np.full(len(rows), EXACT)
    if rows.dtype.itemsize > 2:
        single = rows.astype(np.float32)
        is_single = (single == values).all(axis=1)
        bits = np.ascontiguousarray(single).view(np.uint32)
        allowed[is_single & ((bits & 0xFFFF) == 0).all(axis=1)] = BRAIN
        allowed[(rows.astype(np.float16) == values).all(axis=1)] = HALF
    else:
        allowed[:] = HALF
    filled = np.count_nonzero(values, axis=1)
    eps = float(np.finfo(rows.dtype).eps)
    for decimals in DECIMALS:
        steps = values * 10.0**decimals
        slack = np.minimum(steps * eps + 1e-9, 0.25)
        is_rounded = (np.abs(steps - np.round(steps)) <= slack).all(axis=1)
        unit = 0.5 * 10.0**-decimals
        spread = TUNING.rounding_deviations * np.sqrt(filled / 3)  # errors uniform in -unit .. unit
        by_chance = unit * np.minimum(filled, spread)
        vanished = unit * (values.shape[1] - filled)  # numbers rounded to 0 only lower the sum
        lost = values.sum(axis=1) < 1
        reach = np.minimum(by_chance + np.where(lost, vanished, 0), TUNING.largest_rounding)
        allowed = np.where(is_rounded, np.maximum(allowed, reach), allowed)
    return allowed


def _refusal(probs: NDArray[Any], row: int, first_row: int, where: str) -> InputError:
    """Return the error for a row that is no distribution, with a guess at what the numbers are."""
    values = probs[row].astype(np.float64)
    place = first_row + row
    if np.isnan(values).any() or np.isposinf(values).any():
        what = "NaN" if np.isnan(values).any() else "infinite"
        step = max(1, CHECK_BYTES // (probs.shape[1] * probs.dtype.itemsize))
        count = sum(
            int((~np.isfinite(probs[at : at + step]).all(axis=1)).sum())
            for at in range(0, len(probs), step)
        )
        return InputError(
            f"{where} have {count:,} {what} rows (first {place})",
            help="leave those examples out, or predict them again",
        )
    spread = np.unique(np.linspace(0, len(probs) - 1, LOOKED_AT).astype(np.int64))
    sample = np.concatenate([values[None], probs[spread].astype(np.float64)])
    sample = sample[~(np.isnan(sample) | np.isposinf(sample)).any(axis=1)]
    below = " with values below 0" if (values < 0).any() else ""
    looks, help = _below_zero(values, sample) if below else _above_zero(values, sample)
    return InputError(f"row {place} of {where} sums to {values.sum():.4g}{below}{looks}", help=help)


def _below_zero(row: FloatArray, sample: FloatArray) -> tuple[str, str]:
    """Return what rows with values below 0 seem to be, and the help."""
    with np.errstate(over="ignore"):
        if (row <= 1e-6).all() and abs(np.exp(row).sum() - 1) < CLOSE:
            return ": these look like log-probabilities", "apply exp; alfs will not guess"
    if (np.abs(sample.sum(axis=1) - 1) < CLOSE).all():
        if sample.min() > -EXACT:
            return (
                ": rounding errors around 0",
                "cut them off: probs.clip(0), and divide each row by its sum",
            )
        return (
            ", as the outputs of a regression do",
            "take the probabilities of a classifier; these are none",
        )
    return ": these look like logits", "apply softmax; alfs will not guess"


def _above_zero(row: FloatArray, sample: FloatArray) -> tuple[str, str]:
    """Return what rows without values below 0 seem to be, and the help."""
    sums = sample.sum(axis=1)
    middle = float(np.median(sums))
    K = len(row)
    if (np.abs(sums[1:] - 1) <= CLOSE).mean() > 0.5:
        return (
            ", not 1, while most rows do",
            "each row is a distribution over the K classes: predict those examples again",
        )
    if sample.max() <= 100 and (np.abs(sums - 100) <= 1 + min(0.5 * K, 10)).all():
        return ": these look like per cent", "divide them by 100"
    if np.ptp(sums) <= CLOSE * middle:
        if middle < 1:
            return (
                ", not 1, as all rows do",
                "is the column of a class missing? each row is a distribution over the K classes",
            )
        return (
            ", not 1, as all rows do: a multiple of probabilities, such as counts of votes",
            "divide each row by its sum",
        )
    if sample.max() > 1 + CLOSE:
        return ": these look like logits", "apply softmax; alfs will not guess"
    if sums.max() < 1:
        return (
            f", not 1 (rows sum to {sums.min():.3g} to {sums.max():.3g})",
            "is the column of a class missing, or were small numbers rounded to 0? each row is a "
            "distribution over the K classes: write more decimals",
        )
    return (
        f", not 1 (rows sum to {sums.min():.3g} to {sums.max():.3g}), each value between 0 and 1: "
        "these look like sigmoids, a yes or no for every class on its own",
        "each row must be one distribution over the K classes: predict with a model whose classes "
        "exclude each other; where each example has one class for sure, each row may be divided by "
        "its sum",
    )
