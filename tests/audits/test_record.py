"""The record survives its writers, and says the same when replayed."""

import json
import os
import signal
import time
from subprocess import PIPE

import pytest

from alfs_cli.audits.claims import parse
from alfs_cli.audits.log import Log
from alfs_cli.audits.population import population
from alfs_cli.audits.record import (
    DOCUMENT,
    EXAMPLES,
    LOG,
    Task,
    continued,
    label_of,
    resume,
    start,
)
from alfs_cli.audits.status import document, save_document, status, verify
from alfs_cli.errors import InputError, UsageError, WorkError
from tests.forks import forked

CLAIMS = [parse(text) for text in ("noise-rate <= 0.5", "given-noise:a <= 0.9")]


@pytest.fixture
def audit(made, tmp_path):
    examples, true = made(120, 3)
    return start(tmp_path / "out", examples, CLAIMS), true


def answer(record, true, count, *, by="", wrong=()):
    for _ in range(count):
        task = record.next_task(by)
        label = (int(true[task.index]) + (task.number in wrong)) % 3
        record.answer(task, label, by=by, seconds=1.5)


def replayed(record):
    return resume(record.folder)


def same(one, other):
    return json.dumps(document(one)) == json.dumps(document(other))


def test_a_resumed_record_is_the_same_and_asks_the_same(audit):
    record, true = audit
    answer(record, true, 45)
    again = replayed(record)
    assert same(record, again)
    assert again.next_task() == record.next_task()
    assert again.plan == record.plan
    assert again.answers == 43  # two of them were repeats
    assert status(again).repeats.both == 2


def test_the_document_is_rebuilt_and_verified(audit):
    record, true = audit
    answer(record, true, 30)
    save_document(record)
    assert verify(record.folder) == []
    path = record.folder / DOCUMENT
    written = json.loads(path.read_text())
    assert written["schema"] == "alfs.audit/1"
    assert {"data", "seed", "risk", "design", "claims", "answers", "noise_rate", "log"} <= set(
        written
    )
    assert set(written["claims"][0]) >= {
        "text",
        "status",
        "value",
        "low",
        "high",
        "answers",
        "forecast",
    }
    weights = record.draws.weights
    first = weights[record.draws.order[0]] / weights.sum()
    assert written["draws"][0]["probability"] == pytest.approx(first)
    text = path.read_text()
    assert str(record.folder) not in text
    written["noise_rate"]["high"] += 0.01
    path.write_text(json.dumps(written))
    (line,) = verify(record.folder)
    assert line.startswith("noise_rate.high: written")
    path.write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        verify(record.folder)
    path.unlink()
    save_document(resume(record.folder))
    assert verify(record.folder) == []


def test_a_torn_last_line_is_dropped_and_written_over(audit):
    record, true = audit
    answer(record, true, 10)
    log = record.folder / LOG
    whole = log.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for end in range(last, len(whole)):
        log.write_bytes(whole[:end])
        assert len(Log(log).read()) == 10
    torn = replayed(record)
    assert torn.answers == 9
    task = torn.next_task()
    torn.answer(task, int(true[task.index]), seconds=1.5)
    assert log.read_bytes() == whole
    assert same(torn, record)


def test_an_edited_line_is_refused_and_named(audit):
    record, true = audit
    answer(record, true, 10)
    log = record.folder / LOG
    lines = log.read_text().splitlines(keepends=True)
    edited = json.loads(lines[4])
    edited["answer"] = "c" if edited["answer"] != "c" else "a"
    for changed in (
        [*lines[:4], json.dumps(edited) + "\n", *lines[5:]],
        [*lines[:4], *lines[5:]],
        [*lines[:4], lines[5], lines[4], *lines[6:]],
        [*lines[:4], "nonsense\n", *lines[5:]],
    ):
        log.write_text("".join(changed))
        with pytest.raises(InputError, match=r"audit\.jsonl:5: this line, or one before it"):
            resume(record.folder)


def test_other_data_is_refused(audit, made):
    record, _ = audit
    for other in (made(120, 3, seed=9)[0], made(121, 3)[0]):
        with pytest.raises(InputError, match="of other data"):
            resume(record.folder, other)
    (record.folder / EXAMPLES).write_bytes(b"PK")
    with pytest.raises(InputError, match="cannot be read as the examples"):
        resume(record.folder)
    with pytest.raises(InputError, match="not the log of an audit"):
        resume(record.folder / "nowhere")


def test_starting_twice_or_with_claims_that_cannot_be(audit, made, tmp_path):
    record, _ = audit
    with pytest.raises(UsageError, match="is there already"):
        start(record.folder, record.examples, CLAIMS)
    with pytest.raises(UsageError, match="unknown class 'z'"):
        start(tmp_path / "x", record.examples, [parse("class-noise:z <= .1")])
    with pytest.raises(UsageError, match=r"risk of 0\.7"):
        start(tmp_path / "x", record.examples, CLAIMS, risk=0.7)
    with pytest.raises(InputError, match="no column"):
        start(tmp_path / "x", record.examples, [parse("noise-rate[q=1] <= .1")])
    assert not (tmp_path / "x" / LOG).exists()


def test_undo_changes_the_answer_and_never_the_draw(audit):
    record, true = audit
    answer(record, true, 12, wrong=(11,))
    before = document(record)
    nxt = record.next_task()
    task = record.undo()
    assert task.number == 11
    record.answer(task, int(true[task.index]))
    assert record.next_task() == nxt
    assert record.drawn[11].counts.label == true[task.index]
    assert record.drawn[11].changed is None
    after = document(record)
    assert [d["index"] for d in after["draws"]] == [d["index"] for d in before["draws"]]
    fresh, _ = audit
    assert same(record, replayed(fresh))


def test_undo_goes_further_back_by_what_was_taken_back_last(audit):
    """The order is that of the last answers; somebody else's are passed over."""
    record, true = audit
    answer(record, true, 4)
    task = record.next_task("ann")
    record.answer(task, 0, by="ann")
    found = [record.undo()]
    while found[-1] is not None:
        found.append(record.undo(before=found[-1].number))
    assert [one and one.number for one in found] == [3, 2, 1, 0, None]
    record.answer(record.task(1), 0)
    assert (record.undo().number, record.undo(before=1).number) == (1, 3)
    assert record.undo(by="ann").number == task.number == 4
    assert record.undo(by="ann", before=4) is None
    assert record.undo(by="nobody", before=4) is None


def test_what_is_changed_after_the_label_was_shown_enters_no_bound(audit):
    record, true = audit
    answer(record, true, 12, wrong=(11,))
    before = status(record)
    record.shown(11)
    task = record.undo()
    assert task.number == 11
    record.answer(task, int(true[task.index]))
    after = status(record)
    assert after.claims == before.claims
    assert after.changed == 1
    assert record.drawn[11].counts.label != true[task.index]
    assert record.settled()[task.index] == true[task.index]
    assert not record.drawn[11].changed.blind
    assert same(record, replayed(record))


def test_repeats_and_suspects_enter_no_bound(audit):
    record, true = audit
    answer(record, true, 20)
    task = record.next_task()
    assert task.is_repeat
    before = status(record)
    record.answer(task, (int(true[task.index]) + 1) % 3)
    record.suspect(int(record.draws.order[100]), 2)
    after = status(record)
    assert after.claims == before.claims
    assert after.noise_rate == before.noise_rate
    assert (after.repeats.both, after.repeats.alike, after.suspects) == (1, 0, 1)
    assert record.settled()[int(record.draws.order[100])] == 2
    assert not record.next_task().is_repeat


def test_one_who_skips_gains_nothing_and_may_come_back(audit):
    record, true = audit
    skipped = record.next_task()
    busy = [skipped]
    for _ in range(30):
        task = record.next_task("bob", taken=busy)
        record.answer(task, int(true[task.index]), by="bob")
    assert record.next_task("ann") == skipped
    waiting = status(record)
    assert waiting.waiting == 1
    record.answer(skipped, int(true[skipped.index]), by="ann")
    now = status(record)
    assert now.waiting == 0
    assert now.noise_rate.low >= waiting.noise_rate.low
    assert now.noise_rate.high <= waiting.noise_rate.high
    assert same(record, replayed(record))


def test_the_judge_kept_between_answers_is_the_one_made_afresh(audit):
    record, true = audit
    for step in range(60):
        task = record.next_task()
        record.answer(task, None if step % 7 == 0 else int(true[task.index]))
        if step % 5 == 0:
            record.judge()
        if step % 11 == 10:
            back = record.undo()
            record.answer(back, (int(true[back.index]) + step) % 3)
        if step == 40:
            record.answer(record.task(3), 0)  # long ago
    kept, fresh = record.judge(), replayed(record).judge()
    for subject, tested in kept.tested.items():
        assert (tested.wealth.log_wealth == fresh.tested[subject].wealth.log_wealth).all()
        assert tested.measured() == fresh.tested[subject].measured()


def test_two_people_on_the_same_draws(audit):
    record, true = audit
    answer(record, true, 19, by="ann")
    for step in range(12):
        task = record.second_task("bob")
        record.answer(task, (int(true[task.index]) + (step % 4 == 0)) % 3, by="bob")
    now = status(record)
    assert (now.people.both, now.people.alike) == (12, 9)
    assert now.people.kappa.low < now.people.kappa.value < now.people.kappa.high <= 1
    assert record.drawn[0].counts.by == "ann"
    assert len(now.either) == len(now.claims)
    for either, own in zip(now.either, now.claims, strict=True):
        assert either.low <= own.low
        assert either.high >= own.high
    assert same(record, replayed(record))


def test_answers_that_cannot_be(audit):
    record, _ = audit
    task = record.next_task()
    with pytest.raises(UsageError, match="none of the 3 classes"):
        record.answer(task, 3)
    with pytest.raises(UsageError, match="is not draw 0 of this audit"):
        record.answer(Task(0, task.index + 1), 1)
    with pytest.raises(UsageError, match="no example 500"):
        record.suspect(500, 1)
    assert label_of(" a ", record.examples.classes, "x:1") == 0
    assert label_of("?", record.examples.classes, "x:1") is None
    with pytest.raises(UsageError, match=r"review\.csv:7: 'd' is not one of the 3 classes"):
        label_of("d", record.examples.classes, "review.csv:7")
    assert record.answers == 0


@pytest.mark.parametrize(
    ("text", "classes", "number"),
    [
        ("a", (" a", "b"), 0), (" a ", ("b", "a "), 1), (" a", (" a", "b"), 0),
        ("a ", ("a", "a "), 1), ("a", ("a", "a "), 0), (" ? ", ("a", "b"), None),
    ],
)  # fmt: skip
def test_spaces_around_a_class_do_not_keep_it_from_being_answered(text, classes, number):
    assert label_of(text, classes, "x:1") == number


def test_after_mending_the_answered_are_a_known_part(audit, tmp_path):
    record, true = audit
    answer(record, true, 60)
    old = record.examples
    mended = old.given.copy()
    for index, label in record.settled().items():
        mended[index] = label
    new = population(mended, old.classes, "mended")
    examples = continued(record, new)
    after = start(tmp_path / "after", examples, CLAIMS, continues=record.log.sum)
    assert len(examples.known) == record.answers
    assert not set(after.draws.order.tolist()) & set(examples.known)
    now = status(after)
    assert now.answers == 0
    assert now.noise_rate.high <= 1 - len(examples.known) / 120 + 1e-9
    answer(after, true, 50)
    truth = (true != mended).mean()
    found = status(after)
    assert found.noise_rate.low <= truth <= found.noise_rate.high < status(record).noise_rate.high
    save_document(after)
    assert verify(after.folder) == []
    assert resume(after.folder, new).plan.continues == record.log.sum
    moved = {index: 119 - index for index in range(120)}
    turned = continued(record, population(mended[::-1], old.classes, "turned"), moved)
    assert {119 - index for index in examples.known} == set(turned.known)
    with pytest.raises(InputError, match=r"class '.' of the old audit is not in the new data"):
        continued(record, population([0, 1] * 60, "xy", "other"))


def test_labels_seen_beside_another_are_not_answered_blindly(audit):
    record, true = audit
    for number in (0, 1):
        task = record.task(number)
        record.answer(task, int(true[task.index]))
    with pytest.raises(UsageError, match="draw 2 is not answered yet"):
        record.shown(2)
    record.shown(0, beside=[record.task(1).index, record.task(2).index])
    record.answer(record.task(1), None)  # a draw of before: a change is kept beside it
    record.answer(record.task(2), 0)  # one of later: it counts, and is not blind
    record.answer(record.task(2), 1)
    record.answer(record.task(3), 0)
    for each in (record, resume(record.folder)):
        assert each.drawn[1].counts.label == true[record.task(1).index]
        assert each.drawn[1].changed.label is None
        assert [each.drawn[n].counts.blind for n in (0, 1, 2, 3)] == [True, True, False, True]
        assert (each.drawn[2].counts.label, each.drawn[2].changed.label) == (0, 1)
        assert not each.has_seen(2, "bob")


def test_given_labels_may_be_shown_and_it_is_said(made, tmp_path):
    examples, true = made(60, 3)
    record = start(tmp_path, examples, CLAIMS, show_given=True)
    answer(record, true, 5)
    assert not status(record).blind
    assert document(record)["draws"][0]["blind"] is False
    assert document(record)["design"]["show_given"] is True


def test_a_disk_that_refuses(audit, monkeypatch):
    record, _ = audit

    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(WorkError, match="No space left on device"):
        record.answer(record.next_task(), 1)


def write(folder, by, until):
    """Answer what a record asks until there are so many answers; tell the number of each."""
    record = resume(folder)
    print("ready", flush=True)
    while (task := record.next_task(by)) is not None and record.answers < until:
        record.answer(task, task.index % 3, by=by)
        print(task.number, flush=True)


def writer(folder, by, until):
    return forked(lambda: write(folder, by, until), stdout=PIPE, text=True)


def test_two_writers_at_once_corrupt_nothing(audit):
    record, _ = audit
    both = [writer(record.folder, by, 100) for by in ("ann", "bob")]
    said = [process.communicate(timeout=120)[0].split()[1:] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    again = replayed(record)
    assert again.answers >= 100
    by_anyone = {int(number) for lines in said for number in lines}
    assert {n for n, d in again.drawn.items() if d.counts is not None} == by_anyone
    log = Log(record.folder / LOG)
    assert len(log.read()) == 1 + sum(len(lines) for lines in said)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
def test_what_was_acknowledged_survives_kill_9(audit):
    record, _ = audit
    said: set[int] = set()
    for wait in (0.0, 0.01):
        process = writer(record.folder, "", 110)
        process.stdout.readline()
        time.sleep(wait)
        process.kill()
        said |= {int(line) for line in process.communicate(timeout=60)[0].split("\n")[:-1]}
        again = replayed(record)
        assert said <= {n for n, d in again.drawn.items() if d.counts is not None}
    save_document(replayed(record))
    assert verify(record.folder) == []


def test_a_start_that_was_killed_is_no_audit(audit, made, tmp_path):
    record, _ = audit
    first = (record.folder / LOG).read_bytes().splitlines(keepends=True)[0]
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / LOG).write_bytes(first[:-20])
    again = start(tmp_path / "torn", record.examples, CLAIMS)
    assert (again.folder / LOG).read_bytes() == first
    assert Log(again.folder / LOG).begin({"event": "start"}) is False


def test_a_record_of_other_bets_is_refused(audit, monkeypatch):
    record, _ = audit
    monkeypatch.setattr("alfs_cli.audits.plan.BETS", 1)
    with pytest.raises(InputError, match="bets otherwise"):
        resume(record.folder)


def test_a_long_replay_keeps_only_a_few_judges(audit):
    record, true = audit
    for number in range(110):
        task = record.task(number)
        record.answer(task, int(true[task.index]))
    again = replayed(record)
    assert again.judge().verdict(CLAIMS[0]) == record.judge().verdict(CLAIMS[0])
    assert [at for at, _ in again._judges] == [0, 88, 96, 104]
    again.answer(again.task(90), None)  # before the last that is kept: from the one before on
    assert again.judge().noise_rate() == replayed(again).judge().noise_rate()
    assert len(again._judges) <= 5
