"""How results are shown: a few lines in a console, the head of a page in a notebook."""

from abc import ABC, abstractmethod
from dataclasses import replace

from alfs_cli.formats.blocks import Report
from alfs_cli.text.plain import plain

MOST_CHARACTERS = 1400  # of a repr
MOST_OF_A_LINE = 200  # characters of a line
LABEL = 12  # characters that labels are padded to


class Shown(ABC):
    """A result that consoles show as lines of text, and notebooks as HTML."""

    @abstractmethod
    def _lines(self) -> tuple[str, list[tuple[str, str]]]:
        """Return the first line, and (label, text) of the others."""

    @abstractmethod
    def _report(self) -> Report:
        """Return the report whose blocks a notebook shows."""

    def __repr__(self) -> str:
        first, rows = self._lines()
        lines = [_cut(first)] + [_cut(f"  {label:<{LABEL}} {text}") for label, text in rows]
        while sum(map(len, lines)) + len(lines) > MOST_CHARACTERS:
            lines.pop()
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from alfs_cli.formats.html import render_fragment

        report = self._report()
        return render_fragment(replace(report, findings=(), gates=()))


def _cut(line: str) -> str:
    line = plain(line)
    return line if len(line) <= MOST_OF_A_LINE else f"{line[: MOST_OF_A_LINE - 3]}..."
