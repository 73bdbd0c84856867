"""By its mark a file is known as alfs's, in every format; a stranger's never is."""

import json

import pytest

from alfs_cli.findings.finding import Finding
from alfs_cli.formats import formats_of, render
from alfs_cli.formats.blocks import Report, Table
from alfs_cli.gate.judging import Thresholds, judge
from alfs_cli.reports.check import check_report
from alfs_cli.storage.marks import bears_mark, marked
from tests.conftest import make_estimate

FINDINGS = (Finding("ALFS101", "warning", 'looks "like" a: dog', "a/b.png", 3),)


def written(path, format, findings=()):
    result = judge(make_estimate(), Thresholds(max_noise_rate=0.5), findings)
    report = check_report(result, title="Label quality of x", source="x", exit_zero=False)
    path.write_text(marked(render(report, format), format), encoding="utf-8")
    return path


@pytest.mark.parametrize("findings", [(), FINDINGS], ids=["clean", "findings"])
@pytest.mark.parametrize("format", formats_of("check"))
def test_every_format_of_a_check_bears_a_mark(tmp_path, format, findings):
    assert bears_mark(written(tmp_path / "x", format, findings), format)


@pytest.mark.parametrize("format", [f for f in formats_of("check") if f not in ("csv", "text")])
def test_it_is_known_whatever_it_is_named_as_now(tmp_path, format):
    assert bears_mark(written(tmp_path / "x", format, FINDINGS), "json")


def test_a_table_for_a_paper_bears_a_mark(tmp_path):
    (tmp_path / "x").write_text(render(Report("t", (Table("", (), ()),), {}), "latex"))
    assert bears_mark(tmp_path / "x", "latex")


STRANGERS = {
    "json": json.dumps({"version": 1, "schema": "alfs.check/1 is what I use"}),
    "another's json": json.dumps({"schema": "other.check/1"}),
    "a baseline": json.dumps({"schema": "alfs.baseline/1", "accepted": {}}),
    "sarif": json.dumps(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": {"name": "ruff", "information": {"name": "alfs"}}}}],
        }
    ),
    "junit": '<?xml version="1.0"?>\n<testsuites name="pytest"><testsuite name="alfs"/>',
    "html": "<!doctype html><title>alfs</title><body>&lt;meta name=generator content=alfs",
    "a page on pages": '<!doctype html><body><meta name="generator" content="alfs">',
    "gitlab": json.dumps([{"description": "ALFS101", "check_name": "E501"}]),
    "github": "::error title=ruff (E501)::alfs\n",
    "csv": "status,rule,name\nfail,ALFS101,alfs\n",
    "a manifest": "path,label\na.png,alfs\n",
    "markdown": "<!-- alfs -->\n# My page\n",
    "concise": "see ALFS101\n",
    "text": "alfs\n",
    "nothing": "",
    "bytes": "\x00\ufffd",
}


@pytest.mark.parametrize("name", STRANGERS)
def test_a_strangers_file_bears_none(tmp_path, name):
    (tmp_path / "x").write_text(STRANGERS[name], encoding="utf-8")
    for format in formats_of("check"):
        is_empty = name == "nothing" and format in ("concise", "github")
        assert bears_mark(tmp_path / "x", format) == is_empty
    assert not bears_mark(tmp_path / "gone", "json")
