"""Charts and heat maps as plain numbers: what the templates of the HTML page draw.

A colour of a line has a contrast of 3:1 or more to the page, in light and in dark mode alike.
"""

import math
from dataclasses import dataclass

from alfs_cli.formats.blocks import Curves, Heatmap

MAX_HEATMAP_CLASSES = 50  # classes; of more, the 30 noisiest are shown
FULL_HEAT = 0.05  # the rate that has the full colour of a heat map, unless another is higher
MAX_CELL_NUMBERS = 20  # classes up to which cells hold numbers
# The first four are of Okabe and Ito, distinct for colour-blind readers; their yellow and sky blue
# are too pale on white. Each line also has its dashes.
LINE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#A87400", "#767B82")
LINE_DASHES = ("", "6 3", "2 3", "8 3 2 3", "12 4", "4 2")
CURVE_BOX = (640, 260)  # width and height in SVG units
MOST_TICKS = 6  # intervals of an axis
NICE = (1.0, 2.0, 2.5, 5.0, 10.0)  # steps between ticks, times a power of ten


def ticks(low: float, high: float, *, whole: bool = False) -> tuple[float, ...]:
    """Return round numbers from the last one up to `low` to the first one from `high` on.

    They are whole numbers where `whole` is given.

    >>> ticks(0.22, 0.83)
    (0.2, 0.4, 0.6, 0.8, 1.0)
    >>> ticks(1, 3, whole=True)
    (1.0, 2.0, 3.0)
    """
    span = max(high - low, 1e-9)
    power = 10.0 ** math.floor(math.log10(span / MOST_TICKS))
    step = next(nice * power for nice in NICE if nice * power >= span / MOST_TICKS * (1 - 1e-9))
    if whole:
        step = max(1.0, step if step == int(step) else math.ceil(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(k * step, 12) for k in range(first, last + 1))


@dataclass(frozen=True)
class Line:
    """A line as SVG points, and its band as those of a polygon; `last` is its last value."""

    name: str
    points: str
    band: str
    color: str
    dash: str
    last: str


@dataclass(frozen=True)
class Chart:
    """Lines in a box of CURVE_BOX, with ticks as (place, text) along both axes."""

    width: int
    height: int
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


def chart(block: Curves) -> Chart:
    """Return the lines of a chart in a fixed box; its y axis begins and ends at a tick."""
    width, height = CURVE_BOX
    xs = [x for _, points in block.lines for x, _ in points]
    ys = [y for _, points in block.lines for _, y in points]
    ys += [y for band in block.bands for _, *ends in band for y in ends]
    left, right = (min(xs), max(xs)) if xs else (0.0, 1.0)
    marks = ticks(max(0.0, min(ys, default=0.0)), min(1.0, max(ys, default=1.0)))
    if len(marks) == 1:  # all values are one and the same round number
        marks = ticks(max(0.0, marks[0] - 0.05), min(1.0, marks[0] + 0.05))
    low, high = marks[0], marks[-1]
    span = (right - left) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            round((x - left) / span * width, 1),
            round(height - (min(max(y, low), high) - low) / (high - low) * height, 1),
        )

    def area(band: tuple[tuple[float, float, float], ...]) -> str:
        edge = [(x, top) for x, _, top in band] + [(x, foot) for x, foot, _ in reversed(band)]
        return " ".join("{},{}".format(*place(x, y)) for x, y in edge)

    lines = tuple(
        Line(
            name=name,
            points=" ".join("{},{}".format(*place(x, y)) for x, y in points),
            band=area(block.bands[i]) if block.bands else "",
            color=LINE_COLORS[i % len(LINE_COLORS)],
            dash=LINE_DASHES[i % len(LINE_DASHES)],
            last=f"{100 * points[-1][1]:.1f} %" if points else "",
        )
        for i, (name, points) in enumerate(block.lines)
    )
    along = [x for x in ticks(left, right, whole=True) if left <= x <= right] or [left, right]
    return Chart(
        width,
        height,
        lines,
        tuple((place(x, low)[0], f"{x:,.0f}") for x in along),
        tuple((place(left, y)[1], f"{round(100 * y, 6):g} %") for y in marks),
    )


def heat_cells(block: Heatmap) -> dict[str, object]:
    """Return the rows of a heat map as (text, opacity, title) cells; of over 50 classes, 30.

    The diagonal has opacity None: it is grey, so that the rest has the whole scale. That reaches
    to the highest rate, and to FULL_HEAT at least: rates that are next to nothing stay pale.
    """
    K = len(block.names)
    chosen = list(range(K))
    if K > MAX_HEATMAP_CLASSES:
        worst = sorted(range(K), key=lambda i: block.values[i][i])[:30]
        chosen = sorted(worst)
    off = [block.values[i][j] for i in chosen for j in chosen if i != j]
    top = max([*off, FULL_HEAT])
    rows = []
    for i in chosen:
        cells = []
        for j in chosen:
            value = block.values[i][j]
            text = f"{100 * value:.1f}" if value >= 0.0005 else ""
            if len(chosen) > MAX_CELL_NUMBERS:
                text = ""
            cells.append((text, None if i == j else round(value / top, 3), f"{100 * value:.2f} %"))
        rows.append((block.names[i], cells))
    return {"names": [block.names[i] for i in chosen], "rows": rows, "left_out": K - len(chosen)}
