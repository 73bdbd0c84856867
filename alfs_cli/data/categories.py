"""Columns of a few values as features: one column of 0 and 1 for each frequent value."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from alfs_cli.arrays import BoolArray, Features, FloatArray, IntArray
from alfs_cli.data.labels import RawLabels, is_nothing
from alfs_cli.data.tuning import TUNING

MISSING = "missing"  # the name of the indicator of a missing value
SAMPLED = 1000  # cells looked at to tell dates from other text


@dataclass(frozen=True, eq=False)
class Category:
    """A column of text with a few values: `codes` (N,) are indices into `levels`, sorted."""

    name: str
    levels: tuple[str, ...]
    codes: IntArray

    def frequent(self) -> Iterator[int]:
        """Yield the levels of enough rows; the second of two tells no more than the first."""
        counts = np.bincount(self.codes, minlength=len(self.levels))
        several = np.flatnonzero(counts >= TUNING.level_rows)
        yield from several[:1] if len(self.levels) == 2 else several

    def names(self) -> tuple[str, ...]:
        """Return the names of the indicators, such as `colour=red`."""
        return tuple(f"{self.name}={self.levels[level]}" for level in self.frequent())

    def indicators(self) -> Features:
        """Return the columns (N, D) of 0 and 1."""
        columns = [(self.codes == level).astype(np.float32) for level in self.frequent()]
        return np.stack(columns, axis=1) if columns else np.zeros((len(self.codes), 0), np.float32)


def category_of(name: str, cells: RawLabels) -> Category | str:
    """Return a column of text (N,) as a category, or why it is none.

    >>> category_of("colour", np.array(["red", "blue"] * 10, dtype=object)).levels
    ('blue', 'red')
    """
    known = np.array([MISSING if is_nothing(cell) else cell.strip() for cell in cells], object)
    codes, levels = pd.factorize(known, sort=True)
    if len(levels) < 2:
        return "has one value"
    few = max(2, min(TUNING.most_levels, len(cells) // TUNING.level_rows))
    if len(levels) > few:
        return f"has {len(levels):,} values, too many to be categories"
    return Category(name, tuple(map(str, levels)), np.asarray(codes, dtype=np.int64))


def missing_indicator(name: str, is_missing: BoolArray) -> Category:
    """Return the category of rows in which a column of numbers has no value."""
    return Category(name, (MISSING, "there"), np.where(is_missing, 0, 1).astype(np.int64))


def days_of(cells: "pd.Series[str]") -> FloatArray | None:
    """Return dates (N,) as days since 1970, NaN where one is missing; None for no dates.

    Dates are times of pandas, or text that begins as ISO 8601 has them, `2024-05-31`.
    """
    times: Any = cells
    if cells.dtype.kind != "M":
        some = cells[cells.notna()].iloc[:: max(1, len(cells) // SAMPLED)]
        texts = [str(cell) for cell in some if not is_nothing(str(cell))]
        if not texts or not all(_is_date(text) for text in texts):
            return None
        times = pd.to_datetime(cells, format="ISO8601", errors="coerce", utc=True)
    plain = times.dt.tz_convert(None) if times.dt.tz is not None else times
    seconds = plain.to_numpy(dtype="datetime64[s]")
    days = seconds.astype(np.int64) / 86_400.0
    return np.where(np.isnat(seconds), np.nan, days)


def _is_date(text: str) -> bool:
    digits = text[:10].replace("-", "")
    return len(text) >= 10 and text[4] == text[7] == "-" and digits.isdigit() and len(digits) == 8
