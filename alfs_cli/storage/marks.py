"""By what a file tells that alfs wrote it, format by format.

JSON has its schema's name, SARIF the tool's, JUnit the name of its suites, HTML its generator,
LaTeX its first line. CSV, GitHub's and GitLab's forms have no room for a word of ours: there it is
what only alfs writes, the columns of gates and the ids of rules. Prose ends in a line of its own.
A table that judges nothing has no mark as CSV.
"""

import re
from pathlib import Path

HEAD_BYTES, FOOT_BYTES = 2**16, 200
FOOTERS = {"text": "-- alfs\n", "markdown": "\n<!-- alfs -->\n"}
EMPTY = {"concise": "", "github": "", "gitlab": "[]"}
"""What a format holds where nothing was found: the greenest of files, and no mark in it."""

_TEXT = r'"(?:[^"\\]|\\.)*"'
_RULE = r"ALFS\d{3}"
_COLUMNS = "|".join(  # of the tables that judge: gates, classes, losses, rows of T, runs
    (
        "status,rule,name,value,low,high,limit",
        "true class,n given,clean share,clean level r,",
        "#,loss,correction,ratio,margin,certificate",
        "true class,verdict,margin,runner-up,",
        "loss,variant,dataset,noise,rate,labels,model,epochs,n,last_mean,",
    )
)
_HEADS = (
    r'\{\s*"schema":\s*"alfs\.(?!baseline)',  # what a team has accepted is no result
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
_OURS = re.compile("|".join(_HEADS), re.DOTALL | re.IGNORECASE)


def marked(text: str, format: str) -> str:
    """Return what is written to a file of a format: prose gets its mark."""
    return text + FOOTERS.get(format, "")


def bears_mark(path: Path, format: str) -> bool:
    """Say whether a file is a result that alfs wrote; `format` is what it is named as now."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES).decode("utf-8", "replace")
            file.seek(max(0, path.stat().st_size - FOOT_BYTES))
            foot = file.read().decode("utf-8", "replace")
    except OSError:
        return False
    if head.strip() == EMPTY.get(format):
        return True
    return _OURS.match(head) is not None or foot.endswith(tuple(FOOTERS.values()))
