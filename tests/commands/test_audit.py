"""`alfs audit` as typed: sheets out and in, verdicts and exit codes, going on, what is refused."""

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

CLASSES = ("ham", "spam")
CLAIM = ("--claim", "noise-rate <= 0.3")


def true_of(row):
    return CLASSES[int(row) % 2]


@pytest.fixture
def judged(alfs):
    """judge.csv: what an LLM judge says of 200 messages, every tenth of it wrong; and `alfs`."""
    with Path("judge.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["message", "channel", "label"])
        for i in range(200):
            given = CLASSES[(i + (i % 10 == 3)) % 2]
            rows.writerow([f"message no. {i}", f"ch{i // 2 % 3}", given])
    return alfs


def fill(path, *, wrong=(), most=10**6, answer=true_of):
    """Fill a sheet in as somebody would who knows."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows[:most]):
        row["true_label"] = "?" if number in wrong else answer(row["index"])
    with Path(path).open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return rows


def document(done):
    return json.loads(done.out)


def test_labels_alone_go_from_sheet_to_verdict(judged):
    pd.read_csv("judge.csv")[["label"]].to_csv("judge.csv", index=False)
    first = judged("audit", "judge.csv", *CLAIM, "--sheet", "s.csv", "--batch", "60", "-f", "json")
    assert first.code == 0, first.err
    assert "every example is as likely to be drawn" in first.err
    assert "wrote 60 examples to s.csv" in first.err
    assert document(first)["claims"][0]["status"] == "undecided"
    assert document(first)["claims"][0]["forecast"]["p50"] > 0
    fill("s.csv", wrong=(5,), most=12)
    some = judged("audit", "judge.csv", *CLAIM, "--read", "s.csv")
    assert some.code == 0, some.err
    assert "WARN" in some.out
    assert "more answers would decide all of them" in " ".join(some.out.split())
    assert "next: the same command with --sheet in place of --read asks for more" in some.err
    fill("s.csv", wrong=(5,))
    done = judged("audit", "judge.csv", *CLAIM, "--read", "s.csv", "-f", "json")
    assert done.code == 0, done.err
    assert "next:" not in done.err
    said = document(done)
    assert done.out == Path("alfs-out/audit.json").read_text()  # to the byte
    assert said["schema"] == "alfs.audit/1"
    assert (said["answers"], said["cannot_tell"]) == (60, 1)
    (claim,) = said["claims"]
    assert claim["status"] == "accepted"
    assert claim["low"] < 0.1 < claim["high"] <= 0.3
    assert claim["forecast"] is None
    more = judged("audit", "judge.csv", *CLAIM, "--sheet", "t.csv")
    assert more.code == 0
    assert "no more answers are needed" in more.err
    assert not Path("t.csv").exists()


def test_everybody_says_that_they_cannot_tell(judged):
    words = ("audit", "judge.csv", *CLAIM, "--claim", "clean-level >= 1", "--evidence", "none")
    assert judged(*words, "--sheet", "s.csv", "--batch", "200").code == 0
    fill("s.csv", wrong=range(200))
    done = judged(*words, "--read", "s.csv")
    said = " ".join(done.out.split())
    assert done.code == 1, done.err
    assert "hangs on the 200 that nobody could tell" in said
    assert said.count("nothing left to ask") == 3
    assert "Warning" not in done.err
    assert judged("audit", "judge.csv", "--verify", "alfs-out/audit.json").code == 0


def test_a_false_claim_is_rejected_with_exit_code_1(judged):
    claim = ("--claim", "noise-rate <= 0.05")
    assert judged("audit", "judge.csv", *claim, "--sheet", "s.csv").code == 0
    fill("s.csv", answer=lambda row: true_of(int(row) + 1))
    done = judged("audit", "judge.csv", *claim, "--read", "s.csv")
    assert done.code == 1
    assert "1 claim: 1 rejected" in done.out
    assert judged("audit", "judge.csv", *claim).code == 1  # no page is opened: all is decided


def test_a_budget_that_is_spent_ends_it(judged):
    words = ("audit", "judge.csv", "--claim", "noise-rate <= 0.12", "--budget", "8")
    assert judged(*words, "--sheet", "s.csv").code == 0
    assert len(fill("s.csv")) == 8
    done = judged(*words, "--read", "s.csv")
    assert done.code == 1
    assert "the budget of 8 answers is spent" in done.out
    assert judged(*words).code == 1


def test_reading_and_writing_in_one_go_asks_what_is_next(judged):
    words = ("audit", "judge.csv", "--claim", "noise-rate <= 0.11", "--batch", "5")
    judged(*words, "--sheet", "s.csv")
    first = fill("s.csv")
    done = judged(*words, "--read", "s.csv", "--sheet", "s.csv")
    assert done.code == 0, done.err
    second = fill("s.csv")
    assert not {row["index"] for row in first} & {row["index"] for row in second}
    refused = judged(*words, "--sheet", "s.csv")
    assert refused.code == 2
    assert "'s.csv' holds 5 answers that were not read yet" in refused.err
    assert "--read s.csv" in refused.err


def test_verify_replays_and_sees_what_was_edited(judged):
    judged("audit", "judge.csv", *CLAIM, "--sheet", "s.csv", "--batch", "20")
    fill("s.csv")
    judged("audit", "judge.csv", *CLAIM, "--read", "s.csv")
    saved = Path("alfs-out/audit.json")
    assert judged("audit", "judge.csv", "--verify", str(saved)).code == 0
    for named in ("none.json", "judge.csv", "alfs-out/none.json"):
        refused = judged("audit", "judge.csv", "--verify", named)
        assert refused.code == 2
        assert f"--verify '{named}' is no audit.json" in refused.err
    whole = saved.read_text()
    edited = json.loads(whole)
    edited["claims"][0]["high"] -= 0.001
    saved.write_text(json.dumps(edited))
    done = judged("audit", "judge.csv", "--verify", str(saved), "-f", "json")
    assert done.code == 1
    assert document(done)["different"][0].startswith("claims[0].high: written")
    saved.write_text(whole)
    log = Path("alfs-out/audit.jsonl")
    text = log.read_text()
    log.write_text(text.replace('"answer": "spam"', '"answer": "ham"', 1))
    done = judged("audit", "judge.csv", "--verify", str(saved))
    assert done.code == 1
    assert "changed by hand" in done.out
    again = judged("audit", "judge.csv", *CLAIM, "--sheet", "t.csv")
    assert again.code == 2
    assert "alfs-out/audit.jsonl:" in again.err
    log.write_text(text)
    rows = Path("judge.csv").read_text()
    Path("judge.csv").write_text(rows.replace("message no. 7,", "message no. 7!,"))
    assert judged("audit", "judge.csv", "--verify", str(saved)).code == 1
    assert judged("audit", "judge.csv", "--verify", "nowhere/audit.json").code == 2


def test_another_audit_under_the_same_out_is_refused(judged):
    judged("audit", "judge.csv", *CLAIM, "--sheet", "s.csv")
    done = judged("audit", "judge.csv", "--claim", "noise-rate <= 0.2", "--sheet", "t.csv")
    assert done.code == 2
    assert "is another one: its claims are 'noise-rate <= 0.3'" in done.err
    assert "begin another audit with --out" in done.err
    other = ("--claim", "noise-rate <= 0.2", "--sheet", "t.csv", "--out", "other")
    assert judged("audit", "judge.csv", *other).code == 0


def test_slices_of_a_column_are_claims_of_their_own(judged):
    words = ("audit", "judge.csv", *CLAIM, "--by", "channel", "--sheet", "s.csv", "-f", "csv")
    done = judged(*words)
    assert done.code == 0, done.err
    rows = list(csv.DictReader(done.out.splitlines()))
    assert [row["claim"] for row in rows] == [
        "noise-rate <= 0.3", *(f"noise-rate[channel=ch{n}] <= 0.3" for n in range(3))
    ]  # fmt: skip


def test_after_mending_before_and_now_stand_side_by_side(judged):
    judged("audit", "judge.csv", *CLAIM, "--sheet", "s.csv", "--batch", "40")
    fill("s.csv")
    judged("audit", "judge.csv", *CLAIM, "--read", "s.csv")
    rows = list(csv.reader(Path("judge.csv").read_text().splitlines()))
    mended = [rows[0], *([*row[:2], true_of(i)] for i, row in enumerate(rows[1:]))]
    with Path("mended.csv").open("w", newline="") as file:
        csv.writer(file).writerows(mended)
    words = ("--continue", "alfs-out/audit.json", "--out", "two", "--sheet", "m.csv")
    done = judged("audit", "mended.csv", *words)
    assert done.code == 0, done.err
    assert "40 answers of the old audit are kept as known" in done.err
    assert "Before and after mending" in done.out
    assert json.loads(Path("two/audit.json").read_text())["design"]["known"] == 40
    assert judged("audit", "mended.csv", "--continue", "alfs-out").code == 2


def test_pictures_are_scored_and_their_paths_hide_the_label(alfs):
    from PIL import Image
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    wrong = np.random.default_rng(0).random(150) < 0.1
    for i in range(150):
        given = (labels[i] + wrong[i]) % 10
        folder = Path("data", f"n{given}")
        folder.mkdir(parents=True, exist_ok=True)
        picture = (images[i].reshape(8, 8) * 255 / 16).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{i}.png")
    done = alfs("audit", "data", *CLAIM, "--sheet", "s.csv", "--batch", "5", "-f", "json")
    assert done.code == 0, done.err
    assert document(done)["design"]["scores"]
    assert "pictures in s-pictures/" in done.err
    assert "n3" not in Path("s.csv").read_text(encoding="utf-8-sig").replace("n3,", "")


def test_label_studio_tasks_are_written_and_read(judged):
    words = ("audit", "judge.csv", *CLAIM)
    assert judged(*words, "--sheet", "tasks.json", "--batch", "4").code == 0
    tasks = json.loads(Path("tasks.json").read_text())
    export = [{**task["data"], "true_label": true_of(task["data"]["index"])} for task in tasks]
    Path("done.json").write_text(json.dumps(export))
    done = judged(*words, "--read", "done.json", "-f", "json")
    assert done.code == 0, done.err
    assert document(done)["answers"] == 4
    assert judged(*words, "--sheet", "tasks.json").code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "nothing to audit"),
        (("judge.csv", "--claim", "noise-rate <= 1.2"), "claim 'noise-rate <= 1.2'"),
        (("judge.csv", "--claim", "given-noise:spma <= .1"), "did you mean 'spam'"),
        (("judge.csv", "--risk", "0.7", "--sheet", "s.csv"), "a risk of 0.7"),
        (("judge.csv", "--sheet", "s.txt"), "neither .csv nor .json"),
        (("judge.csv", "--sheet", "judge.csv"), "is not a sheet of an audit"),
        (("judge.csv", "--read", "none.csv"), "no such file: 'none.csv'"),
        (("judge.csv", "--by", "chanel", "--sheet", "s.csv", *CLAIM), "did you mean 'channel'"),
        (("judge.csv", "--claim", "accuracy:run-x >= .5"), "run-x"),
        (("judge.csv", "--claim", "certified:ce", "--sheet", "s.csv"), "no clean level is known"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(judged, words, told):
    done = judged("audit", *words)
    assert done.code == 2
    assert told in done.err
    assert "help: " in done.err
    assert Path("judge.csv").read_text().startswith("message,channel,label")


def test_the_help_names_the_claims(judged):
    done = judged("audit", "-h")
    assert done.code == 0
    text = " ".join(done.out.replace("│", " ").split())
    assert "noise-rate <= 0.05" in text
    assert "noise-rate[camera=3] <= .05" in text


def test_what_the_page_of_the_docs_says_to_type_runs(alfs):
    """In a fresh folder, with somebody who fills the sheet in."""
    text = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
    first, _, others = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    inject, write, read, verify = first.splitlines()
    for line in (inject, write):
        done = alfs(*shlex.split(line)[1:])
        assert done.code == 0, done.err
    with np.load("noisy.npz") as arrays:
        true = arrays["true_labels"]
    assert len(fill("review.csv", answer=lambda row: true[int(row)])) == 50
    for line in (read, verify):
        done = alfs(*shlex.split(line)[1:])
        assert done.code == 0, done.err
    for line in others.splitlines():
        done = alfs(*shlex.split(line)[1:])
        is_open = "recommend" in line  # 50 answers say nothing of ten classes
        assert done.code == int(is_open), done.err


@pytest.mark.parametrize("classes", [["?", "b"], ["a", " ? "], ["a", "b", "?"]])
@pytest.mark.parametrize("way", ["--sheet", "--read"])
def test_a_class_that_is_called_like_cant_tell_is_refused(alfs, classes, way):
    """Its answers would all be taken for "can't tell"."""
    rows = [f"word {i},{classes[i % len(classes)]}" for i in range(60)]
    Path("q.csv").write_text("\n".join(["message,label", *rows]) + "\n")
    Path("s.csv").write_text("index,true_label\n0,?\n")
    done = alfs("audit", "q.csv", "--claim", "noise-rate <= 0.3", way,
                {"--sheet": "new.csv", "--read": "s.csv"}[way])  # fmt: skip
    assert (done.code, done.out) == (2, "")
    assert "a class is called '?'" in done.err
    assert "help: " in done.err
    assert not Path("alfs-out/audit.jsonl").exists()
