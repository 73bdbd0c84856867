"""Reports of the gate: every kind of finding in every kind of place, hostile names included."""

import os

import pytest

from alfs_cli.findings.finding import Finding, Gate
from alfs_cli.formats.blocks import Limits, Report

NAMES = (
    "[red]bold[/red]", "[/]", "=1+1", "@SUM(A1)", "100%", "a,b:c", "<script>alert(1)</script>",
    "]]>&amp;\"'", "\x1b[31mred\x1b[0m", "\x9b2J", "\x00\x08\x0b\x1f", "line\nbreak\r\n::error::x",
    "::set-output name=a::b", "##[add-mask]e", "\u202egnp.exe", "\ufffe\uffff", "\ud800",
    "caf\u00e9", "\U0001f408", "no", "NA", "x" * 5000, "`code` *bold* |pipe|", "${{ secrets.X }}",
)  # fmt: skip
"""Names that somebody might give a class or a file to see what happens."""


def check_report(findings=None, gates=None, **changes):
    """Return a report of the gate; each of NAMES is a class, and part of a path."""
    if gates is None:
        gates = (
            Gate("ALFS301", "noise rate", "fail", 0.11, 0.09, 0.13, 0.08),
            Gate("ALFS201", "clean level of class 'a,b:c'", "warn", 5.3, 3.5, 8.0, 9.0),
            Gate("ALFS304", "noise rate of class '100%'", "not-judged"),
            Gate("ALFS203", "the clean label leads in every class", "pass", 5.3, 3.5, 8.0, 1.0),
            Gate("ALFS401", "no unreadable images", "fail", 1, limit=0),
        )
    if findings is None:
        findings = (
            Finding("ALFS401", "error", "'a b/100%.png' cannot be read as an image",
                    "data/a b/100%.png", fingerprint="0123456789abcdef:cat"),
            Finding("ALFS101", "warning", "given 'cat', looks like 'dog' (0.97)",
                    "data/cat/1.png", 12, "cat", "dog", 0.97, manifest="data/labels.csv", row=10,
                    fingerprint="0123456789abcde0:cat"),
            Finding("ALFS101", "warning", "row 7: given 'cat', looks like 'dog' (0.60)",
                    "data", None, "cat", "dog", 0.6, row=7, fingerprint="0123456789abcde1:cat"),
            Finding("ALFS403", "error", "class 'lynx' has no example"),
            Finding("ALFS901", "note", "an entry matches nothing"),
        )  # fmt: skip
    document = {"schema": "alfs.check/1", "passed": False}
    changes = {"source": "data", "saved": "alfs-out/check.json", **changes}
    return Report("Label quality of data", (), document, tuple(findings), tuple(gates), **changes)


def hostile_report():
    """Return a report in which each of NAMES is given, suggested, a path, and a gate's class."""
    findings = [
        Finding("ALFS101", "warning", f"given '{name}', looks like '{name}' (0.90)",
                f"data/{name}/{name}.png", None, name, name, 0.9, row=i,
                fingerprint=f"{i:016x}:{name}")
        for i, name in enumerate(NAMES)
    ]  # fmt: skip
    gates = [
        Gate("ALFS201", f"clean level of class '{name}'", "fail", 1.5, 1.2, 1.8, 2.0)
        for name in NAMES
    ]
    return check_report(findings, gates, source=f"data/{NAMES[8]}")


def many(count):
    """Return a report with so many findings, of three levels."""
    findings = [
        Finding(rule, level, f"given 'cat', looks like 'dog' ({i / count:.2f})",
                f"data/cat/{i:06}.png", None, "cat", "dog", i / count, row=i,
                fingerprint=f"{i:016x}:cat")
        for i in range(count)
        for rule, level in [(("ALFS101", "warning"), ("ALFS103", "error"), ("ALFS102", "note"))[
            i % 3]]
    ]  # fmt: skip
    return check_report(findings, limits=Limits())


@pytest.fixture(autouse=True)
def repository(tmp_path, monkeypatch):
    """Work in a folder that is a repository of its own."""
    os.mkdir(tmp_path / ".git")
    monkeypatch.chdir(tmp_path)
