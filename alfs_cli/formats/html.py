"""A self-contained HTML page: no script, no requests, readable in light and dark mode.

A fragment holds the same for a notebook cell; its styles apply to nothing outside of it.
"""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape

from alfs_cli import __version__
from alfs_cli.formats.blocks import Block, Curves, Gallery, Heatmap, Report, show
from alfs_cli.formats.charts import chart, heat_cells
from alfs_cli.text.plain import plain

MOST_SHORT = 32  # characters of a cell that is kept on one line
MOST_WORD = 60  # the same of a single word, as the text of a loss
MOST_FINDINGS = 200  # findings listed
BREAKS = re.compile(r"(?<=[/_-])(?=\w)|(?<=\.)(?=[^\W\d])")  # between words of a name


def render(report: Report) -> str:
    """Return the page."""
    return _rendered("page.html", report, anchors=_anchors())


def render_fragment(report: Report) -> str:
    """Return the title and the blocks, without findings, to be put into another page."""
    return _rendered("fragment.html", report, anchors=lambda _: "")


def _rendered(name: str, report: Report, *, anchors: Callable[[str], str]) -> str:
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
    page = template.render(
        report=report,
        blocks=blocks,
        show=show,
        anchor=anchors,
        most_short=MOST_SHORT,
        most_word=MOST_WORD,
        most_findings=MOST_FINDINGS,
        version=__version__,
    )
    return plain(page, keep="\n") + "\n"


def _anchors() -> Callable[[str], str]:
    """Return a function from a heading to a name for it, each time another one."""
    used: Counter[str] = Counter()

    def anchor(title: str) -> str:
        name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "section"
        used[name] += 1
        return name if used[name] == 1 else f"{name}-{used[name]}"

    return anchor


def _extra(block: Block) -> object:
    match block:
        case Heatmap():
            return heat_cells(block)
        case Curves():
            return chart(block)
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
