"""`alfs check` against a baseline, with suppressions and with configuration files, as typed."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alfs_cli.gate.baseline import load_baseline
from tests.conftest import make_estimate

COUNT, WRONG = 600, 60


def rows():
    """Return features (N, 3) of three classes that are far apart, and their true labels."""
    generator = np.random.default_rng(0)
    labels = np.arange(COUNT) % 3
    return generator.normal(size=(COUNT, 3)) + 5 * np.eye(3)[labels], labels


def write(path="data.csv", *, wrong=WRONG, mended=0, order=None, end="\n"):
    """Write a manifest whose first rows carry wrong labels."""
    features, labels = rows()
    given = labels.copy()
    given[mended:wrong] = (given[mended:wrong] + 1 + np.arange(mended, wrong) % 2) % 3
    names = np.array(["cat", "dog", "fox"])[given]
    lines = [
        ",".join([*(f"{value:.6f}" for value in row), name])
        for row, name in zip(features, names, strict=True)
    ]
    chosen = [lines[i] for i in order] if order is not None else lines
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes((end.join(["a,b,c,label", *chosen]) + end).encode())


@pytest.fixture(scope="module")
def made():
    """The baseline that accepts what is wrong in data.csv, once it is made."""
    return {}


@pytest.fixture
def accepted(alfs, made):
    """data.csv with 10 % wrong labels, and a baseline that accepts them."""
    write()
    path = Path("alfs-baseline.json")
    if not made:
        done = alfs("check", "data.csv", "--update-baseline")
        assert done.code == 0, done.err
        assert "wrote alfs-baseline.json" in done.err
        made["bytes"] = path.read_bytes()
    path.write_bytes(made["bytes"])
    return alfs


def document(done):
    assert done.code in (0, 1), done.err
    return json.loads(done.out)


GATE = ("check", "data.csv", "--baseline", "alfs-baseline.json", "--max-new-issues", "0", "-q",
        "-f", "json")  # fmt: skip


def test_what_is_accepted_is_suppressed(accepted):
    baseline = json.loads(Path("alfs-baseline.json").read_text())
    assert baseline["schema"] == "alfs.baseline/1"
    found = document(accepted(*GATE))
    assert found["passed"]
    assert found["findings"] == []
    assert found["suppressed"] == {"baseline": len(baseline["accepted"]), "ignored": 0}
    assert 54 <= len(baseline["accepted"]) <= 66
    assert found["stale"] == []
    regression = [gate for gate in found["gates"] if gate["rule"] == "ALFS302"]
    assert [gate["status"] for gate in regression] == ["pass"]


def test_new_wrong_labels_fail(accepted):
    write(wrong=WRONG + 8)
    done = accepted(*GATE)
    assert done.code == 1
    found = document(done)
    assert 6 <= len(found["findings"]) <= 10
    assert {finding["rule"] for finding in found["findings"]} == {"ALFS101"}
    lines = {finding["line"] for finding in found["findings"]}
    assert len(lines & set(range(WRONG + 2, WRONG + 10))) >= 6
    assert accepted(*GATE[:-4], "10").code == 0


@pytest.mark.slow
def test_rows_may_move_and_mended_ones_are_stale(accepted):
    order = np.random.default_rng(1).permutation(COUNT)
    write(order=order)
    moved = document(accepted(*GATE))
    assert moved["passed"]
    assert moved["stale"] == []
    write(mended=5)
    mended = document(accepted(*GATE))
    assert mended["passed"]
    assert 4 <= len(mended["stale"]) <= 5
    before = json.loads(Path("alfs-baseline.json").read_text())["accepted"]
    assert set(mended["stale"]) <= set(before)
    accepted("check", "data.csv", "--update-baseline", "--baseline", "alfs-baseline.json")
    after = json.loads(Path("alfs-baseline.json").read_text())["accepted"]
    assert set(before) - set(after) == set(mended["stale"])


@pytest.mark.slow
def test_stale_entries_fail_where_the_baseline_is_strict(accepted):
    strict = (*GATE, "--strict-baseline")
    assert document(accepted(*strict))["passed"]
    write(mended=5)
    done = accepted(*strict)
    assert done.code == 1
    found = document(done)
    (failed,) = [gate for gate in found["gates"] if gate["status"] == "fail"]
    assert (failed["rule"], failed["value"]) == ("ALFS901", len(found["stale"]))
    assert accepted(*strict, "--ignore", "ALFS901").code == 0
    Path("alfs.yaml").write_text("check: {strict-baseline: true}")
    words = ("--baseline", "alfs-baseline.json", "--update-baseline", "--ratchet")
    assert accepted("check", "data.csv", *words).code == 0
    assert accepted(*GATE).code == 0


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]
)
def test_what_was_borderline_and_crosses_the_line_is_not_new(alfs, seed):
    features, labels = rows()
    features = features - 3 * np.eye(3)[labels]  # classes that overlap
    given = labels.copy()
    given[:WRONG] = (given[:WRONG] + 1) % 3
    kept = np.sort(np.random.default_rng(seed).permutation(COUNT)[:560])
    for name, places in (("all", np.arange(COUNT)), ("some", kept)):
        probs = np.exp(features[places])
        np.savez(f"{name}.npz", features=features[places], labels=given[places],
                 pred_probs=probs / probs.sum(axis=1, keepdims=True))  # fmt: skip
    assert alfs("check", "all.npz", "--update-baseline").code == 0
    words = ("check", "some.npz", "--baseline", "alfs-baseline.json", "--max-new-issues", "0")
    assert alfs(*words).code == 0


@pytest.mark.parametrize("more", [(), ("--ratchet",)])
def test_the_usual_file_is_updated_where_none_is_named(accepted, more):
    """With its entries and the reasons that people wrote: nothing is begun anew."""
    path = Path("alfs-baseline.json")
    found = json.loads(path.read_text())
    first = min(found["accepted"])
    found["accepted"][first]["reason"] = "blurred"
    path.write_text(json.dumps(found))
    assert accepted("check", "data.csv", "--update-baseline", *more).code == 0
    assert load_baseline(path).accepted[first].reason == "blurred"
    assert json.loads(path.read_text())["accepted"] == found["accepted"]
    path.write_text("<<<<<<< HEAD")
    done = accepted("check", "data.csv", "--update-baseline", *more)
    assert done.code == 2
    assert "not valid JSON" in done.err
    assert path.read_text() == "<<<<<<< HEAD"


@pytest.mark.slow
def test_more_noise_than_the_ceiling_is_a_regression_and_a_ratchet_does_not_take_it(accepted):
    baseline = load_baseline(Path("alfs-baseline.json"))
    ceilings = replace(baseline.ceilings, noise_rate=0.01)  # as if the labels had been better
    replace(baseline, ceilings=ceilings).save(Path("alfs-baseline.json"))
    before = Path("alfs-baseline.json").read_bytes()
    done = accepted("check", "data.csv", "--baseline", "alfs-baseline.json", "-f", "json")
    assert done.code == 1
    failed = {g["rule"] for g in document(done)["gates"] if g["status"] == "fail"}
    assert failed == {"ALFS302"}
    words = ("--baseline", "alfs-baseline.json", "--update-baseline")
    assert accepted("check", "data.csv", *words, "--ratchet").code == 1
    assert Path("alfs-baseline.json").read_bytes() == before
    assert accepted("check", "data.csv", *words).code == 0
    assert load_baseline(Path("alfs-baseline.json")) == baseline


@pytest.mark.slow
def test_the_file_is_the_same_in_any_folder_with_any_line_ends(alfs):
    contents = set()
    for folder, end in (("one", "\n"), ("two/deeper", "\r\n")):
        write(f"{folder}/data.csv", end=end)
        words = ("--update-baseline", "--baseline", f"{folder}/b.json", "--out", f"{folder}/out")
        assert alfs("check", f"{folder}/data.csv", *words).code == 0
        os.chdir(folder)
        assert alfs("check", "data.csv", "--update-baseline").code == 0
        contents |= {Path("b.json").read_bytes(), Path("alfs-baseline.json").read_bytes()}
        os.chdir("../.." if "/" in folder else "..")
    assert len(contents) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--baseline", "none.json"), "no such file: 'none.json'"),
        (("--ratchet",), "--ratchet says how to update"),
        (("--strict-baseline",), "--strict-baseline says how to judge a baseline"),
        (("--baseline", "newer.json"), "upgrade alfs"),
        (("--baseline", "newer.json", "--update-baseline"), "upgrade alfs"),
        (("--baseline", "broken.json"), "not valid JSON"),
        (("--ignore", "ALFS5"), "unknown rule 'ALFS5'"),
        (("--ignore-file", "none.csv"), "no such file: 'none.csv'"),
        (("--config", "none.yaml"), "no such file: 'none.yaml'"),
        (("--explain", "ALFS5"), "unknown rule"),
    ],
)
def test_refused_before_any_work(alfs, words, says):
    write()
    Path("newer.json").write_text('{"schema": "alfs.baseline/9"}')
    Path("broken.json").write_text("<<<<<<< HEAD")
    done = alfs("check", "data.csv", *words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert not Path("alfs-out").exists()


def test_an_estimate_alone(alfs):
    by_features = replace(make_estimate().evidence, kind="features")
    make_estimate(evidence=by_features).save(Path("estimate.json"))
    for words in (("--max-new-issues", "0"), ("--update-baseline",)):
        done = alfs("check", "estimate.json", *words)
        assert done.code == 2
        assert "DATA" in done.err
    write()
    alfs("check", "data.csv", "--update-baseline")
    done = alfs("check", "estimate.json", "--baseline", "alfs-baseline.json", "-f", "json")
    assert "ALFS302" in done.out
    assert document(done)["stale"] == []
    strict = ("--baseline", "alfs-baseline.json", "--strict-baseline")
    done = alfs("check", "estimate.json", *strict)
    assert done.code == 2
    assert "cannot tell which entries are stale" in done.err


def test_settings_come_from_a_file_and_say_so(alfs):
    make_estimate().save(Path("estimate.json"))
    Path("alfs.yaml").write_text("check:\n  max-noise-rate: 0.05\n")
    done = alfs("check", "estimate.json")
    assert done.code == 1
    assert "settings from 'alfs.yaml'" in done.err
    assert alfs("check", "estimate.json", "--isolated").code == 0
    done = alfs("check", "estimate.json", "--max-noise-rate", "0.2", "-v")
    assert done.code == 0
    assert "max-noise-rate = 0.2 (--max-noise-rate)" in done.err
    assert "gate-on = sure (default)" in done.err
    Path("other.toml").write_text("[tool.alfs.check]\nexit-zero = true\nmax-noise-rate = 0.05\n")
    assert alfs("check", "estimate.json", "--config", "other.toml").code == 0
    Path("alfs.yaml").write_text("check:\n  max-nosie-rate: 0.05\n  gate-on: never\n")
    done = alfs("check", "estimate.json")
    assert done.code == 2
    assert "alfs.yaml:2: check.max-nosie-rate: unknown key (did you mean 'max-noise-rate'?)" in (
        done.err
    )
    assert "alfs.yaml:3: check.gate-on is 'never'" in done.err


def test_how_data_is_read_may_be_set_too(alfs):
    write()
    text = Path("data.csv").read_text().replace("label", "species")
    Path("meta").mkdir()
    Path("meta/data.csv").write_text(text)
    assert alfs("check", "meta/data.csv").code == 2
    Path("pyproject.toml").write_text('[tool.alfs.check]\nlabel-column = "species"\n')
    assert alfs("check", "meta/data.csv", "--no-cache").code == 0


def test_a_file_in_the_data_is_not_read(alfs):
    write("data/data.csv")
    Path("data/alfs.yaml").write_text("check: {max-nosie: 1}")
    Path("data/alfs-ignore.csv").write_text("nonsense")
    assert alfs("check", "data/data.csv").code == 0  # the file beside a manifest is not looked for


def test_a_variable_sets_a_threshold(alfs, monkeypatch):
    make_estimate().save(Path("estimate.json"))
    monkeypatch.setenv("ALFS_CHECK_MAX_NOISE_RATE", "0.05")
    assert alfs("check", "estimate.json").code == 1
    assert alfs("check", "estimate.json", "--max-noise-rate", "0.5").code == 0
    monkeypatch.setenv("ALFS_CHECK_MAX_NOISE", "0.05")
    done = alfs("check", "estimate.json")
    assert done.code == 2
    assert "ALFS_CHECK_MAX_NOISE names no setting" in done.err


@pytest.mark.slow
def test_an_ignore_file_and_what_is_left_of_it(alfs):
    write()
    found = document(alfs("check", "data.csv", "-q", "-f", "json"))["findings"]
    key = found[0]["fingerprint"]
    Path("alfs-ignore.csv").write_text(
        "id_or_path,rule,reason,expires\n"
        f"{key},ALFS101,known,\n"
        f"{found[1]['fingerprint']},ALFS101,was known,2001-01-01\n"
        "gone.png,ALFS4,,\n"
    )
    done = alfs("check", "data.csv", "-f", "json")
    now = document(done)
    assert len(now["findings"]) == len(found) - 1
    assert now["suppressed"] == {"baseline": 0, "ignored": 1}
    assert [text.rpartition("(")[2] for text in now["stale"]] == ["expired)", "unused)"]
    assert "warning: alfs-ignore.csv:3:" in done.err
    assert "has expired" in done.err
    text = alfs("check", "data.csv").out
    assert "1 suppressed (0 baseline, 1 ignored)" in text
    assert "2 stale (ALFS901)" in text
    assert "the fingerprint of its finding in check.json" in " ".join(text.split())
    Path("alfs.yaml").write_text('check: {per-path-ignores: {"*.csv": [ALFS1]}}')
    now = document(alfs("check", "data.csv", "-q", "-f", "json"))
    assert now["suppressed"]["ignored"] == len(found)


def test_ambiguous_examples_are_listed_where_asked_for(alfs):
    features, labels = rows()
    features[:40] = 2.5 + 0.01 * np.random.default_rng(1).normal(size=(40, 3))
    np.savez("a.npz", features=features, labels=labels)
    assert "ALFS102" not in alfs("check", "a.npz", "-f", "json").out
    done = alfs("check", "a.npz", "--select", "ALFS102", "-f", "json", "-q")
    found = document(done)["findings"]
    assert len(found) >= 20
    assert {finding["level"] for finding in found} == {"note"}
    assert all(finding["score"] < 0.5 for finding in found)


def test_rules_are_explained(alfs):
    done = alfs("check", "--explain", "ALFS203")
    assert done.code == 0
    assert "T[i,i] <= max T[i,j]" in done.out
    everything = json.loads(alfs("check", "--explain", "all", "-f", "json").out)
    assert everything["schema"] == "alfs.rules/1"
    assert len(everything["rules"]) >= 18
    assert alfs("check", "--explain", "ALFS4").out.count("ALFS4") == 9


def with_evidence(kind, encoder=None, path="alfs-baseline.json"):
    """Rewrite what the baseline says that it was made with."""
    document = json.loads(Path(path).read_text())
    document["evidence"] = {"kind": kind, "encoder": encoder}
    Path(path).write_text(json.dumps(document))


def test_a_baseline_of_other_evidence_is_refused(accepted):
    assert json.loads(Path("alfs-baseline.json").read_text())["evidence"]["kind"] == "features"
    words = ("check", "data.csv", "--baseline", "alfs-baseline.json")
    with_evidence("pred-probs")
    for more in ((), ("--max-new-issues", "0"), ("--update-baseline", "--ratchet")):
        before = Path("alfs-baseline.json").read_bytes()
        done = accepted(*words, *more)
        assert (done.code, done.out) == (2, "")
        assert "made with the evidence 'pred-probs', and this estimate with 'features'" in done.err
        assert "--update-baseline" in done.err
        assert Path("alfs-baseline.json").read_bytes() == before
    assert accepted(*words, "--update-baseline").code == 0
    assert load_baseline(Path("alfs-baseline.json")).evidence.kind == "features"
    assert accepted(*words).code == 0


def test_evidence_left_open_is_the_baselines(accepted):
    """What `auto` takes may turn with the data; the baseline's kind is taken, or told to lack."""
    words = ("check", "data.csv", "--baseline", "alfs-baseline.json")
    with_evidence("encoder", "efficientnet-lite0")
    done = accepted(*words)
    assert done.code == 2
    assert "no images here" in done.err
    done = accepted(*words, "--evidence", "features")
    assert done.code == 2
    assert "'encoder efficientnet-lite0', and this estimate with 'features'" in done.err


def test_a_baseline_of_before_is_read_with_a_note(accepted):
    path = Path("alfs-baseline.json")
    document = json.loads(path.read_text())
    del document["evidence"]
    path.write_text(json.dumps(document))
    done = accepted("check", "data.csv", "--baseline", str(path))
    assert done.code == 0
    assert "does not say which evidence it was made with" in done.err


@pytest.mark.parametrize(
    ("kind", "encoder"), [("encoder", "efficientnet-lite0"), ("features", None),
                          ("encoder", "torchvision:resnet18")],
)  # fmt: skip
def test_a_saved_estimate_of_other_evidence_is_refused_too(alfs, kind, encoder):
    evidence = replace(make_estimate().evidence, kind=kind, encoder=encoder)
    make_estimate(evidence=evidence).save(Path("estimate.json"))
    Path("b.json").write_text('{"schema": "alfs.baseline/1"}')
    words = ("check", "estimate.json", "--baseline", "b.json")
    assert alfs(*words).code == 0
    with_evidence("encoder", "efficientnet-lite0", path="b.json")
    assert alfs(*words).code == (0 if encoder == "efficientnet-lite0" else 2)
