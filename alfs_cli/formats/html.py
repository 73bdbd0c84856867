"""A self-contained HTML page: no script, no requests, readable in light and dark mode.

A fragment holds the same for a notebook cell; its styles apply to nothing outside of it.
"""

import re
from base64 import b64encode
from collections import Counter

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape

from alfs_cli import __version__
from alfs_cli.formats.blocks import Block, Curves, Gallery, Heatmap, Report, show
from alfs_cli.text.plain import plain

MAX_HEATMAP_CLASSES = 50  # classes; of more, the 30 noisiest are shown
MAX_CELL_NUMBERS = 20  # classes up to which cells hold numbers
# The colours of Okabe and Ito are distinct for colour-blind readers; each line also has its dashes.
LINE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINE_DASHES = ("", "6 3", "2 3", "8 3 2 3", "12 4", "4 2")
BREAKS = re.compile(r"(?<=[/_-])(?=\w)|(?<=\.)(?=[^\W\d])")  # between words of a name
CURVE_BOX = (640, 260)  # width and height in SVG units


def render(report: Report) -> str:
    """Return the page."""
    return _rendered("page.html", report)


def render_fragment(report: Report) -> str:
    """Return the title and the blocks, without findings, to be put into another page."""
    return _rendered("fragment.html", report)


def _rendered(name: str, report: Report) -> str:
    environment = Environment(
        loader=PackageLoader("alfs_cli", "formats"),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["b64"] = lambda data: b64encode(data).decode("ascii")
    environment.filters["breakable"] = breakable
    template = environment.get_template(name)
    blocks = [(type(block).__name__, block, _extra(block)) for block in report.blocks]
    page = template.render(report=report, blocks=blocks, show=show, version=__version__)
    return plain(page, keep="\n") + "\n"


def _extra(block: Block) -> object:
    match block:
        case Heatmap():
            return heat_cells(block)
        case Curves():
            return polylines(block)
        case Gallery():
            return filters(block)
        case _:
            return None


def breakable(text: str) -> Markup:
    """Return escaped text that may break after the signs that part the words of a name.

    >>> breakable("a/b_c<d")
    Markup('a/<wbr>b_<wbr>c&lt;d')
    """
    return Markup("<wbr>").join(escape(part) for part in BREAKS.split(text))


def filters(block: Gallery) -> dict[str, object]:
    """Return by what a gallery is filtered: (key, name, count) of given classes and of pairs.

    A key is a class of the style sheet; `of` has those of each picture. A gallery of one class and
    one pair has no filters.
    """
    given = Counter(picture.given for picture in block.pictures if picture.given)
    pairs = Counter((p.given, p.suggested) for p in block.pictures if p.given)
    names = sorted(given)
    of_class = {name: f"g{place}" for place, name in enumerate(names)}
    of_pair = {pair: f"p{place}" for place, (pair, _) in enumerate(pairs.most_common())}
    if len(pairs) < 2:
        return {"classes": (), "pairs": (), "marks": (), "of": [""] * len(block.pictures)}
    return {
        "classes": [(of_class[name], name, given[name]) for name in names],
        "pairs": [(key, f"{a}, {b}", pairs[a, b]) for (a, b), key in of_pair.items()],
        "marks": [*of_class.values(), *of_pair.values()],
        "of": [
            f"{of_class[p.given]} {of_pair[p.given, p.suggested]}" if p.given else ""
            for p in block.pictures
        ],
    }


def heat_cells(block: Heatmap) -> dict[str, object]:
    """Return the rows of a heat map as (text, opacity, title) cells; of over 50 classes, 30.

    The diagonal has opacity None: it is grey, so that the rest has the whole scale.
    """
    K = len(block.names)
    chosen = list(range(K))
    if K > MAX_HEATMAP_CLASSES:
        worst = sorted(range(K), key=lambda i: block.values[i][i])[:30]
        chosen = sorted(worst)
    off = [block.values[i][j] for i in chosen for j in chosen if i != j]
    top = max([*off, 1e-9])
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


def polylines(block: Curves) -> dict[str, object]:
    """Return the lines of a chart as SVG points in a fixed box, with axis ticks."""
    width, height = CURVE_BOX
    xs = [x for _, points in block.lines for x, _ in points]
    ys = [y for _, points in block.lines for _, y in points]
    ys += [y for band in block.bands for _, *ends in band for y in ends]
    left, right = (min(xs), max(xs)) if xs else (0.0, 1.0)
    low, high = (min(ys), max(ys)) if ys else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.05
    low, high = max(0.0, low - margin), min(1.0, high + margin)
    span = (right - left) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            round((x - left) / span * width, 1),
            round(height - (y - low) / ((high - low) or 1) * height, 1),
        )

    def area(band: tuple[tuple[float, float, float], ...]) -> str:
        edge = [(x, top) for x, _, top in band] + [(x, foot) for x, foot, _ in reversed(band)]
        return " ".join("{},{}".format(*place(x, min(max(y, low), high))) for x, y in edge)

    lines = [
        {
            "name": name,
            "band": area(block.bands[i]) if block.bands else "",
            "points": " ".join("{},{}".format(*place(x, y)) for x, y in points),
            "color": LINE_COLORS[i % len(LINE_COLORS)],
            "dash": LINE_DASHES[i % len(LINE_DASHES)],
            "last": f"{100 * points[-1][1]:.1f} %" if points else "",
        }
        for i, (name, points) in enumerate(block.lines)
    ]
    steps = [low + k * (high - low) / 4 for k in range(5)]
    ticks = [(place(left, y)[1], f"{100 * y:.0f} %") for y in steps]
    return {
        "width": width,
        "height": height,
        "lines": lines,
        "ticks": ticks,
        "left": left,
        "right": right,
    }
