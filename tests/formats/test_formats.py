"""Every format renders one report that holds every kind of block, compared whole with a file.

`make golden` rewrites the files; read the difference.
"""

import csv
import json
import os
import re
from io import StringIO
from pathlib import Path

import pytest

from alfs_cli.findings.finding import Finding
from alfs_cli.formats import formats_of, render
from alfs_cli.formats.blocks import (
    Column,
    Curves,
    Facts,
    Gallery,
    Heatmap,
    Interval,
    Intervals,
    Paragraph,
    Picture,
    Report,
    Table,
    Verdict,
)
from alfs_cli.formats.markdown import escape
from alfs_cli.text.cells import unguarded
from alfs_cli.text.numbers import ratio
from tests.formats.test_check_formats import SUFFIX as FOR_CHECK

FORMATS = formats_of("compare")  # test_check_formats.py has those of check
GOLDEN = Path(__file__).parents[1] / "golden"
SUFFIX = {"text": "txt", "json": "json", "markdown": "md", "csv": "csv", "html": "html",
          "latex": "tex"}  # fmt: skip
HOSTILE = "[red]<b>&\x1b[31m=1+1"


def full_report():
    """Return a report with every kind of block, hostile names included."""
    columns = (
        Column("class"), Column("n", "count"), Column("share", "percent"),
        Column("level", "ratio"), Column("x", "number"), Column("ok", "flag"),
    )  # fmt: skip
    rows = (
        (HOSTILE, 12480, 0.1234, 3.456, 0.000123456, True),
        ("dog", 3, 1.0, float("inf"), float("nan"), False),
        ("=cmd", None, None, None, None, None),
    )
    marks = {(0, 2): "best", (1, 2): "not-worse"}
    blocks = (
        Verdict("fail", "it failed", ("because", f"of {HOSTILE}")),
        Verdict("pass", "it passed"),
        Facts((("data", "d/"), ("name", HOSTILE)), title="Facts"),
        Paragraph("Plain words with | and * and _."),
        Table("A table", columns, rows, note="a note", marks=marks),
        Heatmap("T", ("cat", HOSTILE), ((0.9, 0.1), (0.0001, 0.9999))),
        Curves("Curves", (("ce", ((1, 0.5), (2, 0.75))), ("mae", ((1, 0.25), (2, 0.5)))), "epoch",
               "accuracy", bands=(((1, 0.4, 0.6), (2, 0.7, 0.8)), ())),
        Intervals("Shares", (Interval(HOSTILE, 0.9, 0.8, 0.95, "n 3"),), note="a note"),
        Gallery("Pictures", (Picture(b"\x89PNG", f"given {HOSTILE}"),)),
    )  # fmt: skip
    findings = (
        Finding("ALFS401", "error", "cannot be read", "a/b.png"),
        Finding("ALFS406", "warning", f"empty label {HOSTILE}", "m.csv", 12),
        Finding("ALFS901", "note", "stale"),
    )
    document = {"schema": "alfs.sample/1", "name": HOSTILE, "T": [[0.9, 0.1], [0.0, 1.0]]}
    return Report("A report", blocks, document, findings)


@pytest.mark.parametrize("format", FORMATS)
def test_whole_output(format):
    path = GOLDEN / f"report.{SUFFIX[format]}"
    found = render(full_report(), format)
    if os.environ.get("ALFS_WRITE_GOLDEN"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_report_renders(format):
    found = render(Report("empty", (), {"schema": "alfs.sample/1"}), format)
    assert found.endswith("\n")


@pytest.mark.parametrize("format", [f for f in FORMATS if f != "json"])
def test_control_characters_never_get_out(format):
    text = render(full_report(), format)
    if format == "csv":
        return  # a file for machines: the cell is the name, quoted
    assert "\x1b" not in text


def test_text_keeps_markup_literal_and_colours_only_when_asked():
    plain = render(full_report(), "text")
    assert "[red]<b>&" in plain
    coloured = render(full_report(), "text", color=True)
    assert "\x1b[" in coloured
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines()
    assert [line.rstrip() for line in bare] == plain.splitlines()


@pytest.mark.parametrize("width", [80, 100, 200])
def test_text_keeps_to_the_width(width):
    report = full_report()
    assert max(len(line) for line in render(report, "text", width=width).splitlines()) <= width


def test_json_is_the_document():
    assert json.loads(render(full_report(), "json")) == full_report().document


def test_csv_reads_back_with_formulas_made_inert():
    rows = list(csv.reader(StringIO(render(full_report(), "csv"))))
    assert rows[0][0].startswith("# ")
    assert unguarded(rows[2][0]) == HOSTILE
    assert all(cell.isprintable() for row in rows for cell in row)
    assert rows[4][0] == "'=cmd"
    assert rows[2][2] == "0.1234"


def test_csv_of_a_report_without_tables_is_its_facts():
    blocks = (Verdict("pass", "all is well"), Facts((("run", "a/b"), ("rate", "+1"))))
    found = render(Report("t", blocks, {}), "csv")
    assert found == "name,value\nresult,all is well\nrun,a/b\nrate,'+1\n"


def test_csv_prefers_plain_numbers():
    shown = Table("t", (Column("accuracy"),), (("93.12 +- 0.30",),))
    plain = Table("t", (Column("mean"), Column("std")), ((0.9312, 0.003),))
    assert render(Report("t", (shown,), {}, data=(plain,)), "csv") == "mean,std\n0.9312,0.003\n"


def test_a_class_without_a_visible_name():
    table = Table("", (Column(" "), Column("n", "count")), ((" ", 1),))
    assert render(Report("t", (table,), {}), "text").endswith("1\n")


def test_words_of_a_table_are_never_cut():
    loss = "nce+agce:a=4.44,q=0.2,alpha=9.3,beta=24.5"
    columns = (Column("loss"), Column("accuracy", "number"), Column("why"))
    table = Table("", columns, ((loss, "72.92 +- 0.59", "fits least of all " * 9),))
    for width in (60, 100):
        text = render(Report("t", (table,), {}), "text", width=width)
        assert loss in text
        assert "72.92 +- 0.59" in text


CALLS = (
    "@octocat", "@org/team", "mail me@example.com", "(@a)", "fixes #12", "o/r#3", "GH-7",
    "https://evil.example/x", "HTTP://evil.example", "www.evil.example", "mailto:a@b.example",
    "[x](http://evil.example)", "![x](http://evil.example/p.png)", "<img src=http://evil.example>",
    "<a href='//evil.example'>x</a>", "[x]: http://evil.example", "&lt;b&gt; &#64;octocat",
    "- item", "1. item", "12) item", "+ item", "# head", "===", "---", "> quote", "    code",
    "`code`", "*a* _b_ ~~c~~ **d**", "$x$", ":fire:", "C:\\data\\a.png", "a|b", "-0.5", "2.5 %",
)  # fmt: skip


@pytest.mark.parametrize("text", CALLS)
def test_markdown_of_a_name_is_the_name_and_calls_nobody(text):
    """Read as CommonMark; GitHub then links what `@`, `#` and `://` stand close to."""
    from markdown_it import MarkdownIt

    page = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = page.parse(escape(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {token.type for token in tokens[1].children} <= {"text", "text_special"}
    shown = "".join(token.content for token in tokens[1].children)
    assert shown.replace("\u200b", "") == text.strip()
    live = r"@\w|#\d|GH-\d|://|www\.|mailto:\w|(?<!\\)\$|:fire:"
    assert not re.search(live, shown if "$" not in text else escape(text), re.IGNORECASE)


def test_markdown_of_numbers_stays_bare():
    assert [escape(text) for text in ("-0.5", "2.5 %", "10:30", "a, b.")] == [
        "-0.5", "2.5 %", "10:30", "a, b.",
    ]  # fmt: skip


def test_html_is_self_contained_and_escaped():
    page = render(full_report(), "html")
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_no_golden_file_is_unused():
    used = {f"report.{suffix}" for suffix in SUFFIX.values()}
    for_check = {f"check-{format}.{suffix}" for format, suffix in FOR_CHECK.items()}
    assert {path.name for path in GOLDEN.iterdir()} == used | for_check


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.2, "3.20x"), (123.4, "123x"), (2e6, "> 1,000x"), (float("inf"), "inf"), (None, "-")],
)
def test_ratios(value, text):
    assert ratio(value) == text
