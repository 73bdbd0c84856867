"""The picture of the README: what `alfs demo` prints, as an SVG of a terminal.

    python benchmarks/demo_picture.py [--from TEXT]

Runs the demo in a temporary folder (a minute of processor time), or takes what one printed with
`--color always`. Writes docs/images/demo.svg, which loads nothing from anywhere. The last lines, a
file's name and how long the demo took on that machine, are left out.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "demo.svg"
WIDTH = 100
LAST = re.compile(r"^(?:\x1b\[\d*m|\s)*page\b", re.MULTILINE)


def printed() -> str:
    """Return what the demo prints on a terminal, colours included."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "alfs_cli", "demo", "--color", "always", "-q"],
            cwd=folder,
            env={**os.environ, "COLUMNS": str(WIDTH)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return done.stdout


def picture(text: str) -> str:
    """Return the SVG; a reader's own monospaced font is used, for rich's would be fetched."""
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(Text.from_ansi(f"$ alfs demo\n{text[: LAST.search(text).start()].rstrip()}"))
    svg = console.export_svg(title="alfs demo", theme=MONOKAI, unique_id="alfs-demo")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="source", type=Path)
    source = parser.parse_args().source
    text = printed() if source is None else source.read_text(encoding="utf-8")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(text), encoding="utf-8")


if __name__ == "__main__":
    main()
