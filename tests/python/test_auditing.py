"""`alfs.audit`: the record is the command's, answered by a program."""

import numpy as np
import pandas as pd
import pytest

import alfs_cli as alfs
from alfs_cli.auditing.exhibits import Exhibits
from alfs_cli.cli import run
from tests.python.conftest import NAMES

pytestmark = pytest.mark.usefixtures("estimates_made_once")


@pytest.fixture
def begun(data, tmp_path):
    """Return a function that opens an audit of the labels alone, and the true labels."""
    _, y, true = data

    def open_it(**more):
        words = {"labels": y, "class_names": NAMES, "out": tmp_path / "a"}
        return alfs.audit(**words | more)

    return open_it, true


def answered(aud, true, count):
    for index in aud.next(count):
        aud.answer(index, NAMES[true[index]])


def test_it_asks_until_all_is_decided_and_goes_on_where_it_was(begun, data):
    open_it, true = begun
    aud = open_it(claims=["noise-rate <= 0.4", "clean-level >= 1"])
    first = aud.next(5)
    assert first == aud.next(5) == open_it().next(5)
    answered(aud, true, 5)
    again = open_it()
    assert again.status().answers == 5
    assert not set(first) & set(again.next(5))
    while again.next(10):
        answered(again, true, 10)
    now = again.status()
    assert now.is_decided
    assert [claim.status for claim in now.claims] == ["accepted"] * 2
    assert now.noise_rate.low <= (data[1] != true).mean() <= now.noise_rate.high
    table = now.to_frame()
    assert table.index.tolist() == ["noise-rate <= 0.4", "clean-level >= 1.0"]
    assert table["status"].tolist() == ["accepted"] * 2
    assert again.verify() == []
    assert now.document()["answers"] == now.answers


def test_the_command_goes_on_with_it(begun, data, tmp_path, capsys):
    """The same data, the same folder: what a program answered the command verifies."""
    _, y, _ = data
    open_it, true = begun
    answered(open_it(), true, 20)
    open_it().status()
    names = np.array(NAMES)
    np.savez(tmp_path / "d.npz", labels=y, class_names=names, features=data[0])
    aud = alfs.audit(tmp_path / "d.npz", evidence="none", out=tmp_path / "b")
    answered(aud, true, 20)
    aud.status()
    words = ["audit", str(tmp_path / "d.npz"), "--verify", str(tmp_path / "b" / "audit.json")]
    assert run(words) == 0, capsys.readouterr().err
    with pytest.raises(alfs.AlfsError, match="of other data than this"):
        alfs.audit(labels=true, class_names=NAMES, out=tmp_path / "a")


def test_an_index_of_the_data_names_the_examples(data, tmp_path):
    X, y, true = data
    index = pd.Index([f"r{i}" for i in range(len(y))])
    frame = pd.DataFrame(X, columns=["a", "b", "c"], index=index)
    aud = alfs.audit(
        features=frame, labels=pd.Series(y, index=index), evidence="none", out=tmp_path
    )
    first, second = aud.next(2)
    assert first in index
    assert set(aud.shown(first)) == {"a", "b", "c"}
    aud.answer(first, true[index.get_loc(first)])
    aud.answer(second, "?")
    now = aud.status()
    assert (now.answers, now.result.cannot_tell) == (2, 1)


def test_an_answer_looks_at_its_own_example_alone(data, tmp_path, monkeypatch):
    _, y, _ = data
    named = pd.Series(y, index=[f"r{i}" for i in range(len(y))])
    aud = alfs.audit(labels=named, class_names=NAMES, evidence="none", out=tmp_path)
    looked = []
    row = Exhibits.row
    monkeypatch.setattr(
        Exhibits, "row", lambda self, place: looked.append(place) or row(self, place)
    )
    for index in aud.next(3):
        aud.answer(index, NAMES[0])
    assert len(looked) < len(y) / 10


def test_one_model_against_another(begun, data):
    open_it, true = begun
    runs = {"mine": true, "theirs": np.array(NAMES)[data[1]]}
    aud = open_it(claims="accuracy:mine > accuracy:theirs", predictions=runs)
    while aud.next(20):
        answered(aud, true, 20)
    assert aud.status().claims[0].status == "accepted"
    with pytest.raises(alfs.AlfsError, match="no predictions of 'min'"):
        open_it(claims="accuracy:min >= 0.5", predictions=runs, out=aud.folder / "other")


def test_a_certificate_rests_on_its_answers(data, est, tmp_path):
    X, y, true = data
    words = {"features": X, "labels": y, "class_names": NAMES, "evidence": "none"}
    aud = alfs.audit(**words, claims="clean-level >= 1", out=tmp_path)
    answered(aud, true, 6)
    assert alfs.recommend(est, losses="nce+rce").status == "certified"
    few = alfs.recommend(est, losses="nce+rce", audit=aud)
    assert (few.status, few.result.audit.answers) == ("uncertain", 6)
    while aud.next(20):
        answered(aud, true, 20)
    now = alfs.recommend(est, losses="nce+rce", audit=aud)
    assert now.status == "certified"
    assert now.result.clean_level.low == now.result.audit.low > 1
    assert now.result.document() == alfs.recommend(est, losses="nce+rce", audit=tmp_path).document()


@pytest.mark.parametrize(
    ("index", "label", "says"),
    [
        ("first", "dig", "'dig' is not one of the 3 classes"),
        (-1, "dog", "no example -1"),
        (300, "dog", "no example 300"),
        (True, "dog", "no example True"),
        ("last", "dog", "is not asked: answers enter in the order of the draws"),
    ],
)
def test_answers_that_cannot_be(begun, index, label, says):
    aud = begun[0]()
    asked = aud.next(1)
    order = aud.record.draws.order
    place = {"first": asked[0], "last": int(order[-1])}.get(index, index)
    with pytest.raises(alfs.AlfsError, match=says) as raised:
        aud.answer(place, label)
    assert raised.value.help
    assert aud.status().answers == 0


def test_mistakes_are_told_to_programs(begun):
    open_it, _ = begun
    for words, says in (
        ({"claims": "noise-rat <= 0.1"}, "did you mean 'noise-rate'"),
        ({"claims": "noise-rate <= 1.2"}, "is not between 0 and 1"),
        ({"risk": 0.7}, "a risk of 0.7"),
    ):
        with pytest.raises(alfs.AlfsError, match=says):
            open_it(**words)


def test_what_is_shown_fits_a_screen(begun):
    open_it, true = begun
    aud = open_it(claims=[f"noise-rate <= 0.{i}" for i in range(11, 40)])
    answered(aud, true, 3)
    for shown in (aud, aud.status()):
        assert len(repr(shown)) < 1500
        assert "undecided" in repr(shown)
        assert "noise-rate" in shown._repr_html_()


def test_the_gate_takes_its_bounds(data, tmp_path):
    """An audit, its folder and its file are one; an audit of other data is refused."""
    X, y, true = data
    aud = alfs.audit(features=X, labels=y, class_names=NAMES, out=tmp_path / "c")
    answered(aud, true, len(y))
    wrong = (y != true).mean()
    judged = {"features": X, "labels": y, "class_names": NAMES}
    for named in (aud, aud.folder, aud.folder / "audit.json"):
        aud.status()
        assert not alfs.check(**judged, audit=named, max_noise_rate=wrong / 2).passed
        assert alfs.check(**judged, audit=named, max_noise_rate=min(2 * wrong, 1)).passed
    with pytest.raises(alfs.AlfsError):
        alfs.check(features=X, labels=np.roll(y, 1), class_names=NAMES, audit=aud)
