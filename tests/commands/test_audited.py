"""What reads an audit: check, estimate, fix and recommend, as typed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alfs_cli.audits.claims import parse
from alfs_cli.audits.judge import Judge
from alfs_cli.audits.population import population
from alfs_cli.audits.record import start
from alfs_cli.audits.status import save_document
from alfs_cli.data import DataSpec, load
from alfs_cli.results.recommendation import load_recommendations
from tests.conftest import NAMES, T, make_estimate

COUNTS = (450, 540, 510)


def examples_of_estimate():
    """Return given and true labels as `make_estimate` has them: 1,500 examples, 11 % wrong."""
    generator = np.random.default_rng(0)
    given = np.repeat(np.arange(3), COUNTS)
    joint = np.array(T) * np.array([[0.34], [0.33], [0.33]])
    of_given = (joint / joint.sum(axis=0)).T.cumsum(axis=1)
    true = (generator.random((len(given), 1)) > of_given[given]).sum(axis=1)
    return given, np.minimum(true, 2)


def audit(folder, given, true, *, claims, answers, fingerprint="abc", classes=NAMES, **more):
    """Answer so many draws of an audit rightly and write audit.json; `more` is of `population`."""
    examples = population(given, classes, fingerprint, **more)
    record = start(Path(folder), examples, [parse(text) for text in claims])
    for task in record.batch(answers):
        record.answer(task, int(true[task.index]))
    save_document(record)
    return record


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """Return a function that answers so many draws, once, and lays the audit in alfs-out/."""
    made = {}

    def call(answers):
        if answers not in made:
            folder = tmp_path_factory.mktemp("audits") / "alfs-out"
            claims = ["noise-rate <= 0.2"]
            record = audit(folder, *examples_of_estimate(), claims=claims, answers=answers)
            made[answers] = folder, record.judge().noise_rate()
        folder, measured = made[answers]
        shutil.copytree(folder, "alfs-out")
        return measured

    return call


@pytest.fixture
def saved(alfs):
    """An estimate.json whose trust is low, and an audit of the same data in alfs-out/."""
    make_estimate(trust=make_estimate().trust.__class__("low", ("photographs",))).save(
        Path("estimate.json")
    )
    return alfs


def gate_of(done, name):
    document = json.loads(done.out)
    gate = next(gate for gate in document["gates"] if gate["name"] == name)
    told = {g["name"]: g["audit"] for g in document["audit"]["gates"]}
    return gate, told.get(name)


@pytest.mark.parametrize(
    ("answers", "limit", "on", "code", "verdict"),
    [
        (600, "0.2", "strict", 0, "accepted"),
        (600, "0.2", "sure", 0, "accepted"),
        (600, "0.05", "sure", 1, "rejected"),
        (600, "0.05", "strict", 1, "rejected"),
        (20, "0.12", "sure", 0, "undecided"),
        (20, "0.12", "strict", 1, "undecided"),
    ],
)
def test_the_noise_rate_is_judged_by_the_audit(saved, answered, answers, limit, on, code, verdict):
    measured = answered(answers)
    words = ["--audit", "alfs-out/audit.json", "--max-noise-rate", limit, "--gate-on", on]
    done = saved("check", "estimate.json", *words, "-f", "json")
    assert done.code == code, done.err
    gate, told = gate_of(done, "noise rate")
    assert (gate["low"], gate["high"]) == (measured.low, measured.high)
    assert (told["verdict"], told["answers"]) == (verdict, answers)
    missing = told["missing"]
    assert (missing is not None) == (verdict == "undecided")
    text = saved("check", "estimate.json", *words)
    assert "whatever the trust in the estimate (low)" in " ".join(text.out.split())
    if missing is not None:
        assert 1 <= missing["p10"] <= missing["p50"] <= missing["p90"] <= 1500 - answers
        assert f"about {missing['p50']:,} more answers" in " ".join(text.out.split())
        assert "alfs audit DATA --out alfs-out" in " ".join(text.out.split())


def test_classes_pairs_and_the_clean_level(saved):
    """Gates of what was claimed go by the audit, those of the rest by the estimate."""
    given, true = examples_of_estimate()
    claims = ["class-noise:cat <= 0.4", "pair:cat>dog <= 0.4", "clean-level >= 1.5"]
    audit("alfs-out", given, true, claims=claims, answers=700)
    words = ["--max-class-noise-rate", "0.4", "--max-pair-rate", "0.4", "--min-clean-level", "1.5"]
    done = saved(
        "check", "estimate.json", "--audit", "alfs-out", *words, "--gate-on", "strict", "-f", "json"
    )
    assert done.code == 0, done.out
    document = json.loads(done.out)
    audited = {gate["name"] for gate in document["audit"]["gates"]}
    assert audited == {
        "noise rate of class 'cat'",
        "rate of 'cat' given as 'dog'",
        "clean level",
        "the clean label leads in every class",
    }
    names = [gate["name"] for gate in document["gates"]]
    assert len(names) == len(set(names))
    assert "noise rate of class 'dog'" in names
    assert "clean level of class 'cat'" not in names


def test_a_claim_of_a_slice_is_no_claim_of_all(saved):
    given, true = examples_of_estimate()
    half = {"half": np.arange(len(given)) % 2}
    audit("alfs-out", given, true, claims=["clean-level[half=1] >= 1.5"], answers=50, columns=half)
    done = saved("check", "estimate.json", "--audit", "alfs-out", "-f", "json")
    assert json.loads(done.out)["audit"]["gates"] == []


def test_no_answer_decides_nothing(saved):
    given, true = examples_of_estimate()
    audit("alfs-out", given, true, claims=["noise-rate <= 0.2"], answers=0)
    words = ["check", "estimate.json", "--audit", "alfs-out", "--max-noise-rate", "0.2"]
    for on, code in (("sure", 0), ("point", 0), ("strict", 1)):
        done = saved(*words, "--gate-on", on, "-f", "json")
        assert done.code == code
        gate, _ = gate_of(done, "noise rate")
        assert gate["value"] is None
        assert gate["status"] == ("fail" if code else "warn")


def test_an_audit_of_other_data_is_refused(saved):
    given, true = examples_of_estimate()
    audit("alfs-out", given, true, claims=["noise-rate <= 0.2"], answers=5, fingerprint="other")
    done = saved("check", "estimate.json", "--audit", "alfs-out/audit.json")
    assert (done.code, done.out) == (2, "")
    assert "an audit of data with the fingerprint other, these have abc" in done.err
    assert "help: name the data that were audited" in done.err


@pytest.mark.parametrize("name", ["none.json", "estimate.json", "."])
def test_what_is_no_audit_is_refused(saved, name):
    done = saved("check", "estimate.json", "--audit", name)
    assert (done.code, done.out) == (2, "")
    assert "help: " in done.err


def test_numbers_written_into_audit_json_change_nothing_and_an_edited_log_is_refused(saved):
    given, true = examples_of_estimate()
    audit("alfs-out", given, true, claims=["noise-rate <= 0.02"], answers=600)
    path = Path("alfs-out/audit.json")
    document = json.loads(path.read_text())
    document["claims"][0] |= {"status": "accepted", "high": 0.01}
    path.write_text(json.dumps(document))
    words = ["check", "estimate.json", "--audit", str(path), "--max-noise-rate", "0.02"]
    assert saved(*words).code == 1
    log = Path("alfs-out/audit.jsonl")
    log.write_text(log.read_text().replace('"dog"', '"cat"', 1))
    done = saved(*words)
    assert (done.code, done.out) == (2, "")
    assert "audit.jsonl:" in done.err


def test_the_audit_may_stand_in_the_settings(saved):
    given, true = examples_of_estimate()
    audit("labels/audit", given, true, claims=["noise-rate <= 0.2"], answers=600)
    Path("alfs.yaml").write_text(
        "check:\n  audit: labels/audit/audit.json\n  max-noise-rate: 0.05\n"
    )
    done = saved("check", "estimate.json", "-f", "json")
    assert done.code == 1
    assert gate_of(done, "noise rate")[1]["verdict"] == "rejected"


def recommended(alfs, *words):
    done = alfs("recommend", "estimate.json", "--audit", "a/audit.json", *words, "-f", "json")
    return done, json.loads(done.out) if done.code < 2 else None


@pytest.mark.parametrize("claim", ["clean-level >= 1.5", "noise-rate <= 0.2"])
def test_a_certificate_rests_on_the_audited_level(saved, claim):
    """The bound of r is the audit's, whether or not r was claimed; the estimate's stays beside."""
    given, true = examples_of_estimate()
    record = audit("a", given, true, claims=[claim], answers=300)
    done, found = recommended(saved, "--losses", "agce,ael")
    assert done.code == 0, done.err
    judge = Judge(record.examples, record.draws.weights, [parse("clean-level >= 1")], 0.05)
    for number, label in enumerate(record.sequence()):
        judge.enter(int(record.draws.order[number]), (label,))
    known = judge.measured(parse("clean-level >= 1"))
    assert 1 < known.low == found["clean_level"]["low"] == found["audit"]["low"]
    assert found["required_ratio"] == pytest.approx(min(1, 1.25 / known.low))
    assert found["audit"]["estimated_low"] == make_estimate().clean_level.low != known.low
    assert (found["audit"]["answers"], found["audit"]["missing"]) == (300, None)
    for one in found["recommendations"]:
        if one["term_ratio"] is not None:
            assert one["margin"] == pytest.approx(one["term_ratio"] * known.low)
    text = saved("recommend", "estimate.json", "--audit", "a", "--losses", "ael", "--explain").out
    text = " ".join(text.split())
    assert "audited: 300 answers" in text
    assert "by the audit 'a'" in text
    assert "the estimate's own bound is 3.5" in text


def test_few_answers_certify_nothing_and_say_how_many_are_missing(saved):
    """An estimate that certifies is not taken for an audit that does not know r."""
    given, true = examples_of_estimate()
    audit("a", given, true, claims=["noise-rate <= 0.2"], answers=12)
    done, found = recommended(saved)
    assert done.code == 1, done.err
    assert saved("recommend", "estimate.json").code == 0
    assert (found["status"], found["audit"]["asks_on"]) == ("uncertain", True)
    missing = found["audit"]["missing"]
    assert 1 <= missing["p10"] <= missing["p50"] <= missing["p90"] <= 1488
    text = " ".join(saved("recommend", "estimate.json", "--audit", "a").out.split())
    assert "the answers do not show it" in text
    assert f"about {missing['p50']:,} more answers" in text
    assert "alfs audit DATA --out a" in text


def test_an_audit_that_asks_no_more_is_gone_on_with_by_another(saved):
    given, true = examples_of_estimate()
    audit("a", given, true, claims=["noise-rate <= 0.9"], answers=12)
    done, found = recommended(saved)
    assert (done.code, found["audit"]["asks_on"]) == (1, False)
    assert "--claim 'clean-level >= 1' --continue a --out FOLDER" in found["advice"][-1]


def test_an_audit_that_shows_that_classes_are_swapped(saved):
    """r < 1 by answers: no loss is certified, whatever the estimate says."""
    given, _ = examples_of_estimate()
    true = np.where(given == 0, 1, np.where(given == 1, 0, given))
    audit("a", given, true, claims=["clean-level >= 1"], answers=300)
    done, found = recommended(saved)
    assert (done.code, found["status"]) == (1, "impossible")
    assert "shows that r is at most" in found["advice"][0]


def test_recommend_refuses_an_audit_of_other_data(saved):
    given, true = examples_of_estimate()
    audit("a", given, true, claims=["noise-rate <= 0.2"], answers=5, fingerprint="other")
    done, _ = recommended(saved)
    assert (done.code, done.out) == (2, "")
    assert "an audit of data with the fingerprint other, these have abc" in done.err
    assert not Path("alfs-out/recommendation.json").exists()


def test_train_takes_an_audited_recommendation_for_this_estimate(saved):
    """Beside the estimate it was made from it is not outdated; beside another one it is."""
    given, true = examples_of_estimate()
    audit("a", given, true, claims=["clean-level >= 1"], answers=300)
    Path("alfs-out").mkdir()
    made = make_estimate()
    made.save(Path("alfs-out/estimate.json"))
    assert saved("recommend", "--losses", "ael", "--audit", "a").code == 0
    advice = load_recommendations(Path("alfs-out/recommendation.json"))
    assert advice.rests_on(made)
    level = replace(made.clean_level, low=2.0)
    assert not advice.rests_on(replace(made, clean_level=level))


@pytest.fixture
def data(alfs):
    """features.npz of 450 examples, a fifth wrongly labelled, and what `audit` needs of it."""
    generator = np.random.default_rng(0)
    true = np.arange(450) % 3
    given = np.where(generator.random(450) < 0.2, (true + 1) % 3, true)
    names = np.array(["ant", "bee", "cow"])
    X = 4 * np.eye(3)[true] + generator.normal(size=(450, 3))
    np.savez("features.npz", features=X, labels=given, class_names=names)
    made = {
        "fingerprint": load(DataSpec("features.npz")).fingerprint,
        "classes": tuple(names.tolist()),
        "noise_scores": np.where(given == true, 0.02, 0.6),
    }
    return alfs, given, true, made


def test_check_of_data(data):
    alfs, given, true, made = data
    audit("alfs-out", given, true, claims=["noise-rate <= 0.5"], answers=200, **made)
    words = ["--audit", "alfs-out/audit.json", "--max-noise-rate", "0.05", "-f", "json"]
    done = alfs("check", "features.npz", *words)
    assert done.code == 1, done.err
    assert gate_of(done, "noise rate")[1]["verdict"] == "rejected"


def test_answers_are_trusted_as_they_were_drawn(data):
    """Doubtful labels are drawn sooner; counted by weight they give the rate that is there."""
    alfs, given, true, made = data
    record = audit("alfs-out", given, true, claims=["noise-rate <= 0.5"], answers=200, **made)
    record.answer(record.batch(1)[0], None)
    words = ["estimate", "features.npz", "--trusted", "alfs-out/audit.json", "--method", "gold"]
    done = alfs(*words, "-f", "json")
    assert done.code == 0, done.err
    assert "200 answers of the audit" in done.err
    assert "1 without a clear answer" in done.err
    found = json.loads(done.out)
    assert found["trusted_examples"] == 200
    assert found["noise_rate"]["value"] == pytest.approx((given != true).mean(), abs=0.04)
    wrong = (given[record.draws.order[:200]] != true[record.draws.order[:200]]).mean()
    assert wrong != pytest.approx(found["noise_rate"]["value"], abs=1e-6)


@pytest.mark.parametrize(
    ("cell", "says"), [("0", "number above 0"), ("x", "number above 0"), ("", "number above 0")]
)
def test_probabilities_that_cannot_be(data, cell, says):
    alfs = data[0]
    Path("t.csv").write_text(f"index,true_label,probability\n1,ant,0.5\n2,bee,{cell}\n")
    done = alfs("estimate", "features.npz", "--trusted", "t.csv")
    assert (done.code, done.out) == (2, "")
    assert says in done.err


def test_trusted_audit_of_other_data_is_refused(data):
    alfs, given, true, made = data
    audit("a", given, true, claims=["noise-rate <= 0.5"], answers=5, **made | {"fingerprint": "x"})
    done = alfs("estimate", "features.npz", "--trusted", "a/audit.json")
    assert (done.code, done.out) == (2, "")
    assert "an audit of data with the fingerprint x" in done.err


def test_fix_mends_what_was_answered(data):
    """Draws, suspects and answers changed later alike; what was not answered stays."""
    alfs, given, true, made = data
    record = audit("alfs-out", given, true, claims=["noise-rate <= 0.5"], answers=60, **made)
    wrong = int(np.flatnonzero((given != true) & ~np.isin(np.arange(450), answered_of(record)))[0])
    record.suspect(wrong, int(true[wrong]))
    done = alfs("fix", "features.npz", "--review", "--audit", "alfs-out/audit.json", "-f", "json")
    assert done.code == 0, done.err
    expected = given.copy()
    expected[answered_of(record)] = true[answered_of(record)]
    assert json.loads(done.out)["relabelled"] == (expected != given).sum() > 1
    assert np.array_equal(np.load("alfs-out/cleaned.npz")["labels"], expected)
    for words in (["--drop"], ["--review", "--issues", "alfs-out/audit.json"]):
        done = alfs("fix", "features.npz", *words, "--audit", "alfs-out/audit.json")
        assert (done.code, done.out) == (2, "")
        assert "help: alfs fix DATA --review --audit FILE" in done.err


def answered_of(record):
    return list(record.settled())
