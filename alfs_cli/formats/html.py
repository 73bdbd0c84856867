"""A self-contained HTML page: no script, no requests, readable in light and dark mode.

A fragment holds the same for a notebook cell; its styles apply to nothing outside of it.
"""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable

from jinja2 import Environment, PackageLoader, select_autoescape

from alfs_cli import __version__
from alfs_cli.formats.blocks import Block, Curves, Heatmap, Report, show
from alfs_cli.formats.charts import chart, heat_cells
from alfs_cli.text.plain import plain

MOST_SHORT = 32  # characters of a cell that is kept on one line
MOST_WORD = 60  # the same of a single word, as the text of a loss
MOST_FINDINGS = 200  # findings listed


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
        case _:
            return None
