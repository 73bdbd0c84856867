"""The formats for CI: whole outputs, their schemas, their limits, and names that mean harm."""

import json
import os
import re
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from alfs_cli.findings.finding import Finding, Gate
from alfs_cli.findings.rules import RULES
from alfs_cli.formats import FORMATS, formats_of, render
from alfs_cli.formats.blocks import Limits, Report
from alfs_cli.gate.judging import Thresholds, judge
from alfs_cli.reports.check import check_report as check_report_of
from alfs_cli.reports.estimate import estimate_report
from alfs_cli.terminal.step_summary import shortened
from tests.conftest import make_estimate
from tests.formats.conftest import NAMES, check_report, hostile_report, many

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "golden"
FOR_CHECK = tuple(name for name, command in FORMATS.items() if command == "check")
SUFFIX = {"concise": "txt", "sarif": "json", "junit": "xml", "github": "txt", "gitlab": "json"}
ILLEGAL_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@cache
def sarif_schema():
    return json.loads((TESTS / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8"))


def sarif(report):
    """Return the log, valid under the schema."""
    log = json.loads(render(report, "sarif"))
    jsonschema.Draft7Validator(sarif_schema(), format_checker=jsonschema.FormatChecker()).validate(
        log
    )
    return log["runs"][0]


def junit(report):
    """Return the root element, valid under the XSD."""
    text = render(report, "junit")
    schema = etree.XMLSchema(etree.parse(str(TESTS / "schemas" / "junit-10.xsd")))
    schema.assertValid(etree.fromstring(text.encode("utf-8"), etree.XMLParser(huge_tree=True)))
    return ElementTree.fromstring(text)


def test_the_check_formats_are_these():
    assert set(SUFFIX) == set(FOR_CHECK)
    assert set(formats_of("check")) == {*formats_of("estimate"), *FOR_CHECK}
    assert not set(formats_of("estimate")) & set(FOR_CHECK)


def test_rows_of_arrays_are_told_apart_in_junit():
    """GitLab and others keep one test of a name."""
    findings = tuple(
        Finding("ALFS101", "warning", "looks wrong", path="x.npz", row=row) for row in (3, 7)
    )
    text = render(Report("t", (), {}, findings), "junit")
    assert 'name="x.npz row 3"' in text
    assert 'name="x.npz row 7"' in text


@pytest.mark.parametrize("format", FOR_CHECK)
def test_whole_output(format):
    path = GOLDEN / f"check-{format}.{SUFFIX[format]}"
    found = render(check_report(), format)
    if os.environ.get("ALFS_WRITE_GOLDEN"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def test_nothing_found_is_nothing_said():
    report = check_report((), ())
    assert render(report, "concise") == render(report, "github") == ""
    assert json.loads(render(report, "gitlab")) == []
    assert sarif(report)["results"] == []
    assert junit(report).attrib["failures"] == "0"


class TestSarif:
    def test_an_image_has_no_lines(self):
        first = sarif(check_report())["results"][1]
        place = first["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "data/a%20b/100%25.png"
        assert place["region"] == {
            "startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1,
        }  # fmt: skip

    def test_a_row_of_a_manifest_lies_at_its_line(self):
        found = [
            r for r in sarif(check_report())["results"] if r.get("properties", {}).get("row") == 10
        ]
        (place,) = found[0]["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "data/labels.csv"
        assert place["physicalLocation"]["region"]["startLine"] == 12
        (image,) = found[0]["relatedLocations"]
        assert image["physicalLocation"]["artifactLocation"]["uri"] == "data/cat/1.png"
        assert found[0]["properties"] == {
            "given": "cat", "suggested": "dog", "score": 0.97, "row": 10,
        }  # fmt: skip

    def test_a_row_of_an_array_is_a_logical_location(self):
        found = [
            r for r in sarif(check_report())["results"] if r.get("properties", {}).get("row") == 7
        ]
        assert found[0]["locations"][0]["logicalLocations"] == [{"name": "row 7"}]

    def test_the_fingerprint_is_that_of_the_baseline_and_stays(self):
        here = {r["message"]["text"]: r["partialFingerprints"] for r in
                sarif(check_report())["results"]}  # fmt: skip
        text = "given 'cat', looks like 'dog' (0.97)"
        assert here[text] == {"primaryLocationLineHash": "0123456789abcde0:cat"}
        assert len({json.dumps(value) for value in here.values()}) == len(here)

    def test_every_rule_fits(self):
        found = [Finding(name, rule.level, "x", "a.png") for name, rule in RULES.items()]
        run = sarif(check_report(found, ()))
        rules = run["tool"]["driver"]["rules"]
        assert [rule["id"] for rule in rules] == sorted(RULES)
        for rule in rules:
            assert len(rule["shortDescription"]["text"]) <= 1024
            assert len(rule["fullDescription"]["text"]) <= 1024
            assert len(rule["properties"]["tags"]) <= 10
            assert "security-severity" not in rule["properties"]
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]

    def test_links_are_followed_inside_the_repository_only(self, tmp_path):
        Path("data/real").mkdir(parents=True)
        Path("data/link").symlink_to("real")
        Path("data/real/a.png").write_bytes(b"")
        outside = tmp_path.parent / "store.png"
        outside.write_bytes(b"")
        Path("data/real/b.png").symlink_to(outside)
        found = [
            Finding("ALFS401", "error", "x", "data/link/a.png"),
            Finding("ALFS401", "error", "x", "data/real/b.png"),
            Finding("ALFS401", "error", "x", str(tmp_path / "data" / "real" / "a.png")),
            Finding("ALFS401", "error", "x", str(outside)),
        ]
        uris = [
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            for result in sarif(check_report(found, ()))["results"]
        ]
        assert uris == ["data/real/a.png", "data/real/b.png", "data/real/a.png", "../store.png"]

    def test_paths_are_relative_to_the_repository_not_to_here(self, monkeypatch):
        Path("sub").mkdir()
        monkeypatch.chdir("sub")
        found = [Finding("ALFS401", "error", "x", "data/a.png")]
        (result,) = sarif(check_report(found, ()))["results"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "sub/data/a.png"


class TestLimits:
    @pytest.mark.slow
    def test_a_hundred_thousand_findings(self):
        report = many(100_000)
        begun = time.process_time()
        texts = {format: render(report, format) for format in FOR_CHECK}
        assert time.process_time() - begun < 20
        run = json.loads(texts["sarif"])["runs"][0]
        assert len(run["results"]) == 5000
        assert {result["level"] for result in run["results"]} == {"error"}
        (said,) = run["invocations"][0]["toolExecutionNotifications"]
        assert said["message"]["text"].startswith("95,003 of 100,003 findings")
        assert len(texts["sarif"]) < 10_000_000
        assert len(json.loads(texts["gitlab"])) == 5001
        assert texts["concise"].count("\n") == 100_003
        assert texts["junit"].count("<testcase") == 5 + 100
        kinds = [line.partition(" ")[0] for line in texts["github"].splitlines()]
        assert {kind: kinds.count(kind) for kind in kinds} == {
            "::error": 9, "::warning": 9, "::notice": 10,
        }  # fmt: skip
        assert texts["github"].splitlines()[0].startswith("::error title=alfs (ALFS301)")
        assert texts["github"].splitlines()[-1] == (
            "::notice title=alfs::... and 99,976 more, see alfs-out/check.json"
        )
        assert len(render(report, "markdown")) < 64_000
        assert len(render(report, "html")) < 5_000_000

    @pytest.mark.slow
    def test_a_thousand_classes(self):
        K = 1000
        names = tuple(f"class number {i}" for i in range(K))
        row = (0.2 / (K - 1),) * K
        T = tuple((*row[:i], 0.8, *row[i + 1 :]) for i in range(K))
        level = make_estimate().class_clean_level[0]
        data = replace(make_estimate().data, classes=names, given_counts=(150,) * K)
        estimate = make_estimate(
            data=data, transition=T, transition_low=T, transition_high=T, class_prior=(1 / K,) * K,
            class_clean_level=tuple(replace(level, class_name=name) for name in names),
        )  # fmt: skip
        limits = Thresholds(min_clean_level=9, max_class_noise_rate=0.1)
        result = judge(estimate, limits, ())
        assert len(result.gates) > 2 * K
        for report in (estimate_report(estimate), check_report_of(result, title="x")):
            assert len(shortened(render(report, "markdown")).encode()) <= 64_000
            assert len(render(report, "html")) < 5_000_000
        assert len(render(estimate_report(estimate), "markdown")) < 10_000

    def test_sarif_keeps_the_worst(self):
        report = many(300)
        few = Report(**{**vars(report), "limits": Limits(sarif=10)})
        results = sarif(few)["results"]
        assert [result["ruleId"] for result in results[:3]] == ["ALFS301", "ALFS401", "ALFS103"]
        scores = [result["properties"]["score"] for result in results[2:]]
        assert scores == sorted(scores, reverse=True)

    def test_junit_lists_no_finding_where_none_is_wanted(self):
        root = junit(check_report(limits=Limits(findings=0)))
        assert [suite.attrib["name"] for suite in root] == ["alfs.gates.data"]


class TestJunit:
    def test_a_test_case_is_a_gate(self):
        gates, samples = junit(check_report())
        assert gates.attrib == {
            "name": "alfs.gates.data", "tests": "5", "failures": "2", "errors": "0",
            "skipped": "1",
        }  # fmt: skip
        names = [case.attrib["name"] for case in gates]
        assert names[:2] == ["noise rate <= 8.0 %", "clean level of class 'a,b:c' >= 9.00x"]
        kinds = [[child.tag for child in case] for case in gates]
        assert kinds == [["failure"], ["system-out"], ["skipped"], [], ["failure"]]
        assert samples.attrib["failures"] == "5"

    @pytest.mark.parametrize("status", ["fail", "warn"])
    def test_counts_add_up(self, status):
        gates = (Gate("ALFS301", "noise rate", status, 0.1), Gate("ALFS304", "x", "not-judged"))
        root = junit(check_report(gates=gates))
        assert int(root.attrib["tests"]) == len(list(root.iter("testcase")))
        assert int(root.attrib["failures"]) == len(list(root.iter("failure")))
        for suite in root:
            for count, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped",) * 2):
                assert int(suite.attrib[count]) == len(list(suite.iter(tag)))

    def test_nothing_is_a_failure_where_no_gate_failed(self):
        passed = tuple(
            gate for gate in check_report().gates if gate.status in ("pass", "warn", "not-judged")
        )
        root = junit(check_report(gates=passed))
        assert root.attrib["failures"] == "0"
        assert not list(root.iter("failure"))
        _, samples = root
        assert [case[0].tag for case in samples] == ["skipped"] * 5
        assert samples[2][0].attrib["message"] == "warning: given 'cat', looks like 'dog' (0.97)"


def test_a_gate_that_counts_what_is_no_finding_is_told():
    gate = Gate("ALFS901", "no stale baseline entries", "fail", 3, limit=0)
    for found in ([], [Finding("ALFS101", "warning", "x", "a.png")]):
        report = check_report(found, (gate,))
        for format in FOR_CHECK:
            assert "no stale baseline entries: 3" in render(report, format)


@pytest.mark.parametrize("places", [("a.png", "b.png"), ("x.npz", "x.npz"), ("t.csv", "t.csv")])
def test_copies_under_one_label_are_told_apart(places):
    """Findings with one fingerprint are one to GitHub and GitLab, and so are tests of one name."""
    findings = [
        Finding("ALFS101", "warning", "x", path, fingerprint="0:cat", row=row)
        for row, path in enumerate((*places, places[1]))
    ]
    report = check_report(findings, ())
    issues = json.loads(render(report, "gitlab"))
    assert len({issue["fingerprint"] for issue in issues}) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", issue["fingerprint"]) for issue in issues)
    prints = [r["partialFingerprints"]["primaryLocationLineHash"] for r in sarif(report)["results"]]
    assert prints == ["0:cat", "0:cat:2", "0:cat:3"]
    assert len({case.attrib["name"] for case in junit(report).iter("testcase")}) == 3


@pytest.mark.parametrize("path", ["t.json", "shards", "hub.arrow"])
def test_tests_have_names_of_their_own_whatever_the_data(path):
    found = [Finding("ALFS101", "warning", f"row {i}: x", path, row=i) for i in (3, 7)]
    found += [Finding("ALFS103", "error", "x", path), Finding("ALFS103", "error", "y", path)]
    names = [
        (case.attrib["classname"], case.attrib["name"])
        for case in junit(check_report(found, ())).iter("testcase")
    ]
    assert len(set(names)) == 4
    assert ("alfs.ALFS101", f"{path} row 7") in names


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat {0}", "cat {{0}}"), ("{a} {12}", "{{a}} {{12}}"), ("{a}", "{a}"),
        ("[x](1)", "\\[x\\](1)"), ("[x]", "[x]"), ("[x](http://a)", "\\[x\\](http://a)"),
    ],
)  # fmt: skip
def test_a_name_is_no_placeholder_and_no_link_in_sarif(name, shown):
    """SARIF 3.11.5 and 3.11.6: a reader would look for an argument, or make a link."""
    (result,) = sarif(check_report([Finding("ALFS101", "warning", f"given '{name}'")], ()))[
        "results"
    ]
    assert result["message"]["text"] == f"given '{shown}'"


class TestHostileNames:
    @pytest.mark.parametrize("format", [*formats_of("check")])
    def test_nothing_steers_a_terminal(self, format):
        text = render(hostile_report(), format)
        text.encode("utf-8", "strict" if format != "csv" else "backslashreplace")
        if format != "csv":  # a file for machines: the cell is the name, quoted
            assert {c for c in text if not c.isprintable()} <= {"\n"}

    def test_one_finding_is_one_line(self):
        lines = render(hostile_report(), "concise").splitlines()
        assert len(lines) == 2 * len(NAMES)
        assert all(re.search(": ALFS[0-9]{3} ", line) for line in lines)

    def test_sarif_is_valid(self):
        run = sarif(hostile_report())
        for result in run["results"]:
            place = result["locations"][0]["physicalLocation"]
            assert re.fullmatch(r"[A-Za-z0-9._~%/-]+", place["artifactLocation"]["uri"])

    def test_xml_is_legal(self):
        junit(hostile_report())
        assert not ILLEGAL_IN_XML.search(render(hostile_report(), "junit"))

    def test_names_give_the_runner_no_command(self):
        lines = render(hostile_report(), "github").splitlines()
        command = re.compile(r"::(error|warning) title=alfs \(ALFS\d+\),file=[^:,]*,line=\d+::.*")
        for line in lines[:-1]:
            assert command.fullmatch(line), line
            assert not re.search("%(?!25|0A|0D|3A|2C)", line), line
        assert lines[-1].startswith("::notice title=alfs::... and ")

    def test_html_is_escaped(self):
        page = render(hostile_report(), "html")
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page

    def test_markdown_is_escaped(self):
        page = render(hostile_report(), "markdown")
        assert not re.search(r"(?<!\\)<", page)
        assert "\n::" not in page

    def test_csv_runs_no_formula(self):
        import csv
        from io import StringIO

        table = csv.reader(StringIO(render(hostile_report(), "csv")))
        cells = [cell for row in table for cell in row]
        assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
        assert "'=1+1" in cells


@settings(max_examples=200, deadline=None)
@given(name=st.text(st.sampled_from("%:,\r\n=;#[] aA0") | st.characters(), max_size=30))
def test_any_name_comes_back_from_an_annotation(name):
    """The runner's own rules, backwards: what cannot be printed is one sign, the rest is as it was.

    A path is normalised on its way.
    """

    def plain(text, *signs):
        for sign, code in (*signs, ("\n", "%0A"), ("\r", "%0D"), ("%", "%25")):
            text = text.replace(code, sign)
        return text

    path = f"data/{name.replace('/', '_')}.png"
    line = render(check_report([Finding("ALFS401", "error", f"'{name}' x", path)], ()), "github")
    command, properties, message = re.fullmatch(r"::(\w+) (.*?)::(.*)\n", line).groups()
    assert command == "error"
    fields = dict(part.split("=", 1) for part in properties.split(","))
    assert set(fields) == {"title", "file", "line"}
    kept = "".join(c if c.isprintable() or c in "\r\n" else "\ufffd" for c in name)
    assert plain(message) == f"'{kept}' x"
    shown = plain(fields["file"], (":", "%3A"), (",", "%2C"))
    assert shown == f"data/{kept.replace('/', '_')}.png"


def test_a_file_name_forges_no_line_of_text():
    found = [Finding("ALFS401", "error", "'a\n  PASS  all' is broken", "a\n  PASS  all")]
    lines = render(check_report(found, ()), "text").splitlines()
    assert not [line for line in lines if line.startswith("  PASS")]
