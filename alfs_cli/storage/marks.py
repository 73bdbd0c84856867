"""How a file is recognised as a result that alfs wrote, in each format.

JSON is known by its schema, SARIF by its tool, JUnit by its suites, HTML by its generator, and
LaTeX by its first line. CSV and the formats of GitHub and GitLab have no place for a name, so they
are known by columns and rule ids that only alfs writes. Text and Markdown end in a line of their
own. A CSV table without verdicts is not recognised.
"""

import re
from pathlib import Path

HEAD_BYTES, FOOT_BYTES = 2**16, 200  # read from the beginning and the end of a file
FOOTERS = {"text": "-- alfs\n", "markdown": "\n<!-- alfs -->\n"}
EMPTY = {"concise": "", "github": "", "gitlab": "[]"}
"""The content of a file without findings, in formats where it has no mark."""

_TEXT = r'"(?:[^"\\]|\\.)*"'
_RULE = r"ALFS\d{3}"
_COLUMNS = "|".join(  # the headers of tables with verdicts: gates, classes, losses, rows of T, runs
    (
        "status,rule,name,value,low,high,limit",
        "true class,n given,clean share,clean level r,",
        "#,loss,correction,ratio,margin,certificate",
        "true class,verdict,margin,runner-up,",
        "loss,variant,dataset,noise,rate,labels,model,epochs,n,last_mean,",
    )
)
_HEADS = (
    r'\{\s*"schema":\s*"alfs\.(?!baseline)',  # a baseline is an input, not a result
    r'\{\s*"\$schema":\s*"[^"]*sarif[^"]*",\s*"version":\s*"2\.1\.0",\s*"runs":\s*\[\s*\{\s*"tool":\s*'
    r'\{\s*"driver":\s*\{\s*"name":\s*"alfs"',
    r'(?:<\?xml[^>]*\?>\s*)?<testsuites name="alfs"',
    r'<!doctype html>(?:(?!<body).)*<meta name="generator" content="alfs',
    r"% needs \\usepackage\{booktabs\}; bold: best, underlined: not significantly worse",
    rf"(?:# [^\n]*\n)?(?:{_COLUMNS})",
    r"::(?:error|warning|notice) title=alfs",
    rf'\[\s*\{{\s*"description":\s*{_TEXT},\s*"check_name":\s*"(?:{_RULE}|alfs)"',
    rf"[^\n]+: {_RULE} ",
)
_OURS = "|".join(_HEADS)  # compiled when it is first needed: that takes milliseconds


def marked(text: str, format: str) -> str:
    """Return the text to write to a file, with the last line that marks text and Markdown."""
    return text + FOOTERS.get(format, "")


def bears_mark(path: Path, format: str) -> bool:
    """Say whether a file is a result that alfs wrote; `format` is that of the new file."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES).decode("utf-8", "replace")
            file.seek(max(0, path.stat().st_size - FOOT_BYTES))
            foot = file.read().decode("utf-8", "replace")
    except OSError:
        return False
    if head.strip() == EMPTY.get(format):
        return True
    is_ours = re.match(_OURS, head, re.DOTALL | re.IGNORECASE) is not None
    return is_ours or foot.endswith(tuple(FOOTERS.values()))
