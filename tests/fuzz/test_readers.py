"""Every reader, given any bytes or text: it reads them or says why not; nothing else is raised."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alfs_cli.data import DataSpec, load
from alfs_cli.errors import AlfsError
from alfs_cli.gate.baseline import load_baseline
from alfs_cli.gate.suppressions import read_lines
from alfs_cli.losses import parse_loss
from alfs_cli.noise.matrix import read_transition
from alfs_cli.results.estimate import load_estimate
from alfs_cli.results.run import load_config, load_metrics
from alfs_cli.settings.layers import load as load_configuration
from alfs_cli.settings.recipes import load_settings
from tests.fuzz import seeds

many = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", "cat", "dog", "NA", "1", "-1", "1e999", "nan", '"', ",", "\n", "\r", "=1"]
    ),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def reads_or_says_why(read):
    with contextlib.suppress(AlfsError):
        read()


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".npz"])
@many
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8")))
def test_bytes_as_data(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    reads_or_says_why(lambda: load(DataSpec(str(path))))


@many
@given(rows=st.lists(st.lists(WORDS, min_size=2, max_size=3), min_size=1, max_size=12))
def test_cells_of_a_table(tmp_path, rows):
    path = tmp_path / "a.csv"
    text = seeds.csv_text(["x", "label"], rows)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    reads_or_says_why(lambda: load(DataSpec(str(path))))
    reads_or_says_why(lambda: load(DataSpec(str(path), path_column="x")))


@many
@given(rows=st.lists(st.dictionaries(st.sampled_from(["x", "label", "path"]), VALUES), max_size=8))
def test_json_lines(tmp_path, rows):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    reads_or_says_why(lambda: load(DataSpec(str(path))))


@many
@given(
    kind=st.sampled_from(["u1", "i8", "f2", "f8", "c8", "U3", "S3", "?", "M8[s]"]),
    shape=st.lists(st.integers(0, 4), max_size=4).map(tuple),
    key=st.sampled_from(
        ["images", "features", "labels", "pred_probs", "class_names", "true_labels"]
    ),
    fill=st.sampled_from([0, 1, 2]),
)
def test_arrays_of_any_kind(tmp_path, kind, shape, key, fill):
    arrays = {"features": np.zeros((4, 2)), "labels": np.arange(4) % 2}
    arrays[key] = np.full(shape, fill).astype(kind)
    np.savez(tmp_path / "a.npz", **arrays)
    reads_or_says_why(lambda: load(DataSpec(str(tmp_path / "a.npz"))))


DOCUMENTS = {
    "estimate.json": load_estimate,
    "baseline.json": load_baseline,
    "T.json": lambda path: read_transition(str(path)),
    "class_to_idx.json": lambda path: load(DataSpec("digits", classes=str(path))),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
@many
@given(value=VALUES, key=st.sampled_from(sorted(seeds.estimate_document())), whole=st.booleans())
def test_json_documents(tmp_path, name, value, key, whole):
    path = tmp_path / name
    document = value if whole else {**seeds.estimate_document(), key: value}
    if name == "baseline.json" and not whole:
        document = {"schema": "alfs.baseline/1", "accepted": value, "ceilings": value}
    path.write_text(json.dumps(document))
    reads_or_says_why(lambda: DOCUMENTS[name](path))


TEXTS = {
    "recipe.yaml": load_settings,
    "alfs.yaml": lambda path: load_configuration(path, ("check",)),
    "pyproject.toml": lambda path: load_configuration(path, ("check",)),
    "config.yaml": lambda path: load_config(path.parent),
    "metrics.jsonl": lambda path: load_metrics(path.parent),
    "ignore.csv": read_lines,
    "T.csv": lambda path: read_transition(str(path)),
    "T.npy": lambda path: read_transition(str(path)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
@many
@given(text=st.text(max_size=120) | st.text("[]{}:-!&*<>|'\"# \nab01.,=", max_size=120))
def test_texts(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    reads_or_says_why(lambda: TEXTS[name](path))


@many
@given(text=st.text(max_size=60) | st.text("nceagulf+:=,.-0123456789 qp", max_size=40))
def test_losses(text):
    reads_or_says_why(lambda: parse_loss(text))


@many
@given(text=st.text(max_size=40))
def test_names_on_the_command_line(text):
    reads_or_says_why(lambda: load(DataSpec(text)) if not Path(text or ".").exists() else None)
