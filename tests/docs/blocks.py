"""The code blocks of the README and of docs/: what is typed, and what is not run for a reason."""

import re
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parents[2]
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?```(?P<language>[^\n]*)\n(?P<text>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
LANGUAGES = {"sh", "python", "yaml", "text"}


@dataclass(frozen=True)
class Block:
    """A block, its language, and why it is not run, if it is not."""

    page: Path
    language: str
    text: str
    reason: str | None


def pages() -> list[Path]:
    """Return the README and every page of docs/ that is written by hand or made."""
    return [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[Block]:
    """Return the blocks of a page in a language."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, found["language"], found["text"], found["reason"])
        for found in BLOCK.finditer(text)
        if found["language"] == language
    ]


def name_of(page: Path) -> str:
    """Return a page's path in the repository."""
    return str(page.relative_to(TOP))
