"""What a data set is, what will do for what, and the command that goes on with it."""

import json

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec
from alfs_cli.inspecting.form import form_of, saved_form


def possible(form):
    return [use.command for use in form.uses if use.is_possible]


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": range(300),
            "height": random.normal(size=300),
            "weight": random.normal(size=300),
            "kind": ["cat", "dog", "owl"] * 100,
        }
    )
    path = tmp_path / "my pets.csv"
    frame.to_csv(path, index=False)
    return path


def test_a_table_says_which_columns_are_used_and_which_are_not(table):
    form = form_of(DataSpec(str(table), label_column="kind"))
    facts = dict(form.facts)
    assert facts["columns used"] == "height, weight"
    assert facts["columns set aside"].startswith("id (")
    assert facts["classes"] == "3, all alike"
    assert possible(form) == ["estimate", "audit", "check", "train"]
    assert form.next == f"alfs estimate '{table}' --label-column kind"


def test_labels_alone_are_audited_and_nothing_else(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("label\n" + "cat\ndog\ncat\n" * 100)
    form = form_of(DataSpec(str(path)))
    assert possible(form) == ["audit"]
    assert "add features, or --pred-probs" in form.uses[0].words
    assert form.next == f"alfs audit {path}"


def test_texts_are_judged_and_no_network_reads_them(tmp_path):
    path = tmp_path / "reviews.jsonl"
    words = {"cat": "it purred and slept on mat", "dog": "it barked and ran after ball"}
    rows = [{"text": f"{words[k]} {n}", "label": k} for n in range(60) for k in words]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    form = form_of(DataSpec(str(path)))
    assert possible(form) == ["estimate", "audit", "check"]
    assert dict(form.facts)["to judge the labels by"] == "texts"


def test_probabilities_are_judged_and_not_trained_on(tmp_path):
    probs = np.random.default_rng(0).dirichlet(np.ones(3), 300)
    np.save(tmp_path / "probs.npy", probs)
    np.save(tmp_path / "labels.npy", np.arange(300) % 3)
    spec = DataSpec(
        None, pred_probs=str(tmp_path / "probs.npy"), labels=str(tmp_path / "labels.npy")
    )
    form = form_of(spec)
    assert possible(form) == ["estimate", "audit", "check"]
    assert dict(form.facts)["to judge the labels by"] == "given probabilities"
    assert "--pred-probs" in form.next
    assert "--labels " in form.next


def test_few_examples_are_said_to_be_few(table):
    pd.read_csv(table).head(60).to_csv(table, index=False)
    form = form_of(DataSpec(str(table), label_column="kind"))
    assert any(note.startswith("60 examples are few") for note in form.notes)


@pytest.mark.parametrize(
    "text",
    ["{", '{"schema": 3, "data": {"n": "x"}}', "[1, 2]", '{"schema": "other/1"}', "[" * 100_000],
)
def test_what_alfs_did_not_save_is_no_saved_result(tmp_path, text):
    (tmp_path / "estimate.json").write_text(text)
    assert saved_form(tmp_path / "estimate.json") is None
    assert saved_form(tmp_path) is None
