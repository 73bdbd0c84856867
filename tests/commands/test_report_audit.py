"""`alfs report AUDIT`: the page for somebody who doubts an audit."""

import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from alfs_cli.audits.claims import parse
from alfs_cli.audits.population import population
from alfs_cli.audits.record import Task, start
from alfs_cli.audits.status import save_document, status

CLAIMS = ("noise-rate <= 0.2", "clean-level >= 1", "accuracy:a > accuracy:b")
NAMES = ("c<at", "dog", "owl")
N, ANSWERS = 400, 45


@pytest.fixture
def record(alfs):
    """An audit in a/: two people, a repeat, "can't tell", a skipped draw, an answer of no draw."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, N)
    given = np.where(rng.random(N) < 0.15, (true + 1) % 3, true)
    runs = {"a": true, "b": given}
    examples = population(given, NAMES, "print", probs=np.full((N, 3), 1 / 3), predictions=runs)
    made = start(Path("a"), examples, [parse(text) for text in CLAIMS], seed=7)
    for task in made.batch(ANSWERS):
        if task.number == 3:
            continue
        label = None if task.number == 5 else int(true[task.index])
        made.answer(task, label, by="ann" if task.number % 2 else "", seconds=1.5)
        if task.number % 3 == 0:
            made.answer(task, (int(true[task.index]) + (task.number == 6)) % 3, by="<ben>")
    made.answer(
        Task(1, made.task(1).index, is_repeat=True), int(true[made.task(1).index]), by="ann"
    )
    made.suspect(int(made.draws.order[-1]), 1, by="ann")
    save_document(made)
    return made


def test_the_page_holds_all_that_a_doubter_wants(alfs, record):
    done = alfs("report", "a")
    assert done.code == 0, done.err
    page = Path("a/audit.html").read_text(encoding="utf-8")
    now = status(record)
    for text in (*CLAIMS[:1], "clean-level &gt;= 1.0", "accuracy:a &gt; accuracy:b"):
        assert text.replace("<=", "&lt;=") in page
    assert page.count("<polyline") == 2  # the noise rate, from above and from below
    assert hashlib.sha256(Path("a/audit.jsonl").read_bytes()).hexdigest() in page
    assert record.log.sum in page
    assert "alfs audit DATA --verify a/audit.json" in page
    assert "Cohen" in page
    assert f"{now.people.kappa.value:.2f} (" in page
    assert f"{now.people.ac1.value:.2f} (" in page
    assert "no name given" in page
    assert "c&lt;at" in page
    assert "<ben>" not in page
    assert "&lt;ben&gt;" in page
    for outside in ("http://", "https://", "<script"):
        assert outside not in page.replace("http://www.w3.org", "")
    markdown = alfs("report", "a/audit.json", "-f", "markdown").out
    table = markdown.partition("Every answer, in the order of the draws")[2]
    table = table.partition("Answers of no draw")[0]
    rows = re.findall(r"^\| (\d+) +\| (\d+) ", table, re.MULTILINE)
    order = record.draws.order
    assert [(int(a), int(b)) for a, b in rows] == [
        (n, int(order[n])) for n in range(ANSWERS) if n != 3
    ]


def test_the_last_point_of_a_chart_is_what_is_known(alfs, record):
    from alfs_cli.reports.audit_page import replayed

    claim = parse(CLAIMS[0])
    history = replayed(record, [claim])[claim.subject]
    assert history[-1] == (ANSWERS, record.judge().measured(claim))
    assert all(a.low <= b.low and a.high >= b.high for (_, a), (_, b) in pairwise(history))


def test_the_document_is_the_audit_s_own(alfs, record):
    done = alfs("report", "a", "-f", "json")
    assert json.loads(done.out) == json.loads(Path("a/audit.json").read_text())


def test_without_a_name_it_is_what_lies_under_out(alfs, record):
    assert alfs("report", "--out", "a").code == 0
    assert Path("a/audit.html").exists()
    assert not Path("a/report.html").exists()  # which is an estimate's, in the same folder perhaps


def test_an_audit_that_was_edited_has_no_page(alfs, record):
    log = Path("a/audit.jsonl")
    log.write_text(log.read_text().replace('"dog"', '"owl"', 1))
    done = alfs("report", "a")
    assert (done.code, done.out) == (2, "")
    assert "audit.jsonl:" in done.err
    assert not Path("a/audit.html").exists()


def test_an_audit_without_an_answer(alfs):
    examples = population(np.arange(30) % 3, NAMES, "print")
    save_document(start(Path("a"), examples, [parse(CLAIMS[0])]))
    done = alfs("report", "a")
    assert done.code == 0, done.err
    assert "even: there are no scores" in Path("a/audit.html").read_text()
