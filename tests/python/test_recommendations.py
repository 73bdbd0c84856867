"""`alfs.recommend` and `alfs.certify`: what the commands say, from an estimate or a T."""

import json
import re

import numpy as np
import pytest

import alfs_cli as alfs
from alfs_cli.cli import run
from alfs_cli.losses import parse_loss
from alfs_cli.noise import symmetric


@pytest.fixture(scope="module")
def rec(est):
    return alfs.recommend(est)


def test_it_recommends_what_the_command_does(tmp_path, est, rec):
    est.save(tmp_path)
    assert run(["recommend", str(tmp_path), "--out", str(tmp_path), "-q"]) == 0
    typed = json.loads((tmp_path / "recommendation.json").read_text())
    mine = json.loads(json.dumps(rec.document()))
    assert mine == {**typed, "estimate": "an estimate in memory"}
    rec.save(tmp_path / "mine")
    assert (tmp_path / "mine" / "recommendation.json").is_file()
    named = alfs.recommend(tmp_path, losses=["ael"])
    assert named.result.estimate == str(tmp_path / "estimate.json")


def test_it_is_a_sequence_of_losses_with_certificates(est, rec):
    assert rec.status == "certified"
    assert rec.loss == rec[0].loss
    assert len(rec) == len(list(rec)) > 3
    proved = [one for one in rec if one.certificate == "proved"]
    assert alfs.certify(proved[0].loss, est).verdict == "proved"
    only = alfs.recommend(est, losses="nce+agce,ael", prefer="fit")
    assert {one.loss.partition(":")[0] for one in only} == {"nce+agce", "ael"}


def test_settings_out_of_range(est):
    for asked, said in (
        ({"safety": 0.5}, "safety is 0.5, below 1"),
        ({"lr": 0}, "lr is 0, not above 0"),
        ({"prefer": "speed"}, "unknown preference 'speed'"),
        ({"losses": ["nce+agec"]}, "did you mean"),
    ):
        with pytest.raises(alfs.AlfsError, match=said) as caught:
            alfs.recommend(est, **asked)
        assert "--" not in f"{caught.value} {caught.value.help}"


def test_certificates_agree_whatever_holds_t(tmp_path, est):
    est.save(tmp_path)
    file = tmp_path / "transition.csv"
    by_name = [alfs.certify("agce:a=6,q=1.5", T) for T in (est, tmp_path, str(file))]
    by_number = alfs.certify(parse_loss("agce:a=6,q=1.5"), est.transition)
    assert [row.class_ for row in by_name[0].rows] == list(est.class_names)
    assert [row.class_ for row in by_number.rows] == [0, 1, 2]
    for found in by_name:
        assert [row.margin for row in found.rows] == pytest.approx(
            [row.margin for row in by_number.rows]
        )
        assert found.verdict == by_number.verdict


def test_the_command_judges_alike(tmp_path, capsys):
    T = symmetric(0.4, 4)
    np.save(tmp_path / "T.npy", T)
    words = ["losses", "check", "ce", "--transition", str(tmp_path / "T.npy"), "-f", "json"]
    assert run(words) == 1
    assert json.loads(capsys.readouterr().out) == alfs.certify("ce", T).document()
    assert alfs.certify("mae", T).verdict == "proved"


def test_names_of_a_file_of_t_are_those_of_the_rows(tmp_path, capsys):
    (tmp_path / "T.csv").write_text("true class,cat,dog\ncat,0.8,0.2\ndog,0.3,0.7\n")
    assert run(["losses", "check", "mae", "--transition", str(tmp_path / "T.csv")]) == 0
    assert "cat" in capsys.readouterr().out


def test_what_is_no_transition_matrix_or_loss():
    for loss, T, said in (
        ("mae", [[0.5, 0.6], [0.5, 0.4]], "it looks transposed"),
        ("mae", "nowhere.csv", "no such file"),
        ("agec", symmetric(0.4, 4), "did you mean 'agce'"),
    ):
        with pytest.raises(alfs.AlfsError, match=said):
            alfs.certify(loss, T)
    with pytest.raises(alfs.AlfsError, match="2 class_names for a T of 4"):
        alfs.certify("mae", symmetric(0.4, 4), class_names=["a", "b"])


def test_they_fit_a_screen_and_a_notebook(rec):
    found = alfs.certify("ce", symmetric(0.6, 100))
    assert repr(found).startswith("refuted: ce")
    for shown in (rec, found):
        assert len(repr(shown)) < 1500
        assert not re.search(r"<script|https?:|<html", shown._repr_html_())
