"""Begun, gone on with, refused where it is another audit, gone on with after mending."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alfs_cli.auditing.exhibits import exhibits
from alfs_cli.auditing.scores import scores_of
from alfs_cli.auditing.session import Wanted, claims_of, open_audit
from alfs_cli.certificate import certify
from alfs_cli.console import Quiet
from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError, UsageError
from alfs_cli.estimating import EstimateOptions
from alfs_cli.estimating.in_passes import TOO_MANY
from alfs_cli.losses import parse_loss

WANTED = Wanted(("noise-rate <= 0.2",))


class Notes(Quiet):
    """Remembers what it was told."""

    def __init__(self):
        self.said = []

    def note(self, text):
        """Keep it."""
        self.said.append(text)

    warn = note


def opened(shows, wanted=WANTED, folder="out", scores=lambda: None, console=None):
    return open_audit(
        shows,
        wanted,
        Path(folder),
        scores=scores,
        predictions=lambda run: np.zeros(len(shows), dtype=np.int64),
        console=console or Notes(),
    )


def test_the_same_words_go_on_where_it_was(shows):
    record = opened(shows).record
    record.answer(record.next_task(), 1)
    again = opened(shows)
    assert not again.is_new
    assert again.record.answers == 1
    assert opened(shows, Wanted()).record.next_task().number == 1


def test_scores_are_asked_for_only_where_it_begins(shows):
    opened(shows)

    def never():
        raise AssertionError("scored again")

    opened(shows, scores=never)


def test_a_start_that_was_killed_begins_anew(shows):
    Path("out").mkdir()
    Path("out/audit.jsonl").write_text('{"event": "sta')
    assert opened(shows).is_new
    assert not opened(shows).is_new


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"claims": ("noise-rate <= 0.1",)}, "its claims are 'noise-rate <= 0.2', not 'noise-rate"),
        ({"risk": 0.1}, "its risk is 0.05, not 0.1"),
        ({"seed": 3}, "its seed is 0, not 3"),
        ({"show_given": True}, "it is blind"),
    ],
)
def test_another_audit_in_the_same_folder_is_refused(shows, change, words):
    opened(shows)
    with pytest.raises(UsageError, match=words) as found:
        opened(shows, replace(WANTED, **change))
    assert "--out" in found.value.help


def test_other_data_are_refused(shows):
    opened(shows)
    frame = pd.read_csv("t.csv")
    frame.loc[0, "text"] = "something else"
    frame.to_csv("t.csv", index=False)
    with pytest.raises(InputError, match="is of other data"):
        opened(exhibits(load(DataSpec("t.csv", labels_alone=True))))


def test_without_a_claim_there_is_one_and_it_is_said(shows):
    console = Notes()
    record = opened(shows, Wanted(), console=console).record
    assert [str(claim) for claim in record.plan.claims] == ["noise-rate <= 0.05"]
    assert "no --claim is given" in console.said[0]


def test_by_a_column_each_claim_is_made_of_every_value(shows):
    claims = claims_of(replace(WANTED, by="shop"), shows)
    assert [str(claim) for claim in claims] == [
        "noise-rate <= 0.2",
        *(f"noise-rate[shop=shop {n}] <= 0.2" for n in range(4)),
    ]
    assert len(opened(shows, replace(WANTED, by="shop")).record.plan.claims) == 5
    with pytest.raises(UsageError, match="'review' has 60 values"):
        claims_of(replace(WANTED, by="review"), shows)


def test_all_wrong_claims_are_told_at_once(shows):
    with pytest.raises(UsageError, match=r"(?s)1\.2.*nois-rate.*did you mean 'noise-rate'"):
        opened(shows, Wanted(("noise-rate <= 1.2", "nois-rate <= 0.1")))


def test_a_certified_loss_asks_for_its_clean_level(shows):
    (claim,) = claims_of(Wanted(("certified:agce:a=1,q=2",)), shows)
    assert claim.number >= 1
    with pytest.raises(UsageError, match="no clean level is known"):
        claims_of(Wanted(("certified:ce",)), shows)


def test_a_sum_with_nce_or_nfl_asks_for_what_its_other_term_asks_for(shows):
    wanted = Wanted(("certified:nce+aul", "certified:aul:a=6.3,p=1.5", "certified:nfl+rce"))
    both, alone, symmetric = claims_of(wanted, shows)
    assert both.number == alone.number > 1
    assert symmetric.number == 1
    for level in (1.001 * both.number, 3.0):  # uneven noise just as strong as the claim allows
        T = np.array([[level, 1, 0.1], [0.1, level, 1], [1, 0.1, level]]) / (level + 1.1)
        assert certify(parse_loss("nce+aul"), T).verdict == "proved"
    for loss in ("nce", "nce+nnce", "ce+nce"):
        with pytest.raises(UsageError, match="no clean level is known"):
            claims_of(Wanted((f"certified:{loss}",)), shows)


def test_after_mending_the_answers_are_known_wherever_the_rows_are_now(shows):
    old = opened(shows).record
    for _ in range(5):
        task = old.next_task()
        old.answer(task, 1, content=shows.content(task.index))
    frame = pd.read_csv("t.csv").iloc[::-1]
    frame.loc[frame.index[0], "label"] = "so-so"
    frame.to_csv("mended.csv", index=False)
    mended = exhibits(load(DataSpec("mended.csv", labels_alone=True)))
    found = opened(mended, Wanted(old=Path("out/audit.json")), "out2")
    known = found.record.examples.known
    assert known == {59 - int(old.draws.order[number]): (1,) for number in range(5)}
    assert found.before.answers == 5
    assert [str(c) for c in found.record.plan.claims] == ["noise-rate <= 0.2"]
    again = opened(mended, Wanted(old=Path("out")), "out2")
    assert again.before is not None and not again.is_new  # noqa: PT018
    with pytest.raises(UsageError, match="is the audit in --out itself"):
        opened(mended, Wanted(old=Path("out2")), "out2")


def test_scores_are_of_the_examples_in_the_order_of_the_data(tmp_path):
    generator = np.random.default_rng(0)
    true = np.arange(300) % 3
    given = true.copy()
    given[:20] = (true[:20] + 1) % 3
    X = 5 * np.eye(3)[true] + generator.normal(size=(300, 3))
    np.savez(tmp_path / "x.npz", features=X, labels=given)
    found = scores_of(load(DataSpec(str(tmp_path / "x.npz"))), EstimateOptions(), Notes())
    assert found.wrong[:20].min() > found.wrong[20:].max()
    assert found.probs.sum(axis=1) == pytest.approx(np.ones(300))
    assert (found.probs.argmax(axis=1) == true).mean() > 0.98


def test_labels_alone_have_no_scores(shows):
    console = Notes()
    alone = replace(shows.dataset, texts=None)
    assert scores_of(alone, EstimateOptions(), console) is None
    assert "every example is as likely" in console.said[0]


def test_probabilities_too_many_for_memory_are_no_scores(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("p.npy", np.full((40, 2), 0.5))
    np.save("y.npy", np.arange(40) % 2)
    dataset = load(DataSpec(None, pred_probs="p.npy", labels="y.npy"))
    monkeypatch.setitem(TOO_MANY, "auto", 10)
    console = Notes()
    assert scores_of(dataset, EstimateOptions(), console) is None
    assert "draws are uniform" in console.said[0]
    shows = exhibits(dataset)
    assert shows.cells(3) == ()
    assert opened(shows).record.next_task().number == 0
