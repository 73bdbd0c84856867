"""JSON files: a list of records, JSON lines under another name, and what is neither."""

import json

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, load, splits_of
from alfs_cli.errors import InputError

ROWS = [{"x": i + 0.25, "label": ["cat", "dog"][i % 2]} for i in range(8)]


def write(folder, document, name="m.json"):
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return DataSpec(str(path))


def test_a_list_of_records_is_the_same_table_as_json_lines(tmp_path):
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    found = load(write(tmp_path, ROWS))
    same = load(write(tmp_path, lines, "m.jsonl"))
    assert found.features.tolist() == same.features.tolist() == [[row["x"]] for row in ROWS]
    assert found.class_names == ("cat", "dog")
    assert found.fingerprint == same.fingerprint
    assert load(write(tmp_path, lines)).fingerprint == same.fingerprint
    assert load(write(tmp_path, lines)).lines.tolist() == list(range(1, 9))


def test_paths_of_pictures_and_splits(tmp_path, picture):
    rows = [
        {"path": f"p/{i}.png", "label": "ab"[i % 2], "split": "train" if i < 4 else "dev"}
        for i in range(8)
    ]
    for seed, row in enumerate(rows):
        picture(tmp_path / row["path"], seed)
    spec = write(tmp_path, rows)
    assert splits_of(spec) == ("train", "val")
    dataset = load(spec)
    assert len(dataset) == 4
    assert dataset.images.decode(np.arange(4))[1].all()


def test_lists_of_real_numbers_are_features(tmp_path):
    X = np.random.default_rng(0).normal(size=(8, 3)).round(3)
    rows = [{"embedding": x.tolist(), "label": "ab"[i % 2]} for i, x in enumerate(X)]
    dataset = load(write(tmp_path, rows))
    assert np.allclose(dataset.features, X)
    assert dataset.columns.used == ("embedding[0]", "embedding[1]", "embedding[2]")


@pytest.mark.parametrize("label", [["cat", "dog"], {"name": "cat"}])
def test_labels_of_several_parts_are_refused(tmp_path, label):
    with pytest.raises(InputError, match=r"label is not one value but"):
        load(write(tmp_path, [*ROWS, {"x": 9.5, "label": label}]))


@pytest.mark.parametrize(
    ("document", "says", "help"),
    [
        ("[" * 10**6 + "]" * 10**6, "nested too deep", "a list of objects"),
        ('{"a":' * 10**6 + "1" + "}" * 10**6, "nested too deep", "a list of objects"),
        ('[{"x": 1', "m.json:1: not valid JSON", "a list of objects"),
        ("[1, 2]", "no list of objects", "a list of objects"),
        ("3", "no list of objects", "a list of objects"),
        ("[]", "has no column 'label'", "--label-column"),
        ({"version": 1, "data": ROWS}, "no list of objects", "jq .data"),
        (pd.DataFrame(ROWS).to_json(), "no list of objects", "orient='records'"),
        (json.dumps([{"x": 1}]), "has no column 'label'", "--label-column"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_records_is_refused(tmp_path, document, says, help):
    with pytest.raises(InputError, match=says) as caught:
        load(write(tmp_path, document))
    assert help in caught.value.help
    assert len(str(caught.value)) < 400


def test_a_number_of_a_million_digits(tmp_path):
    with pytest.raises(InputError, match=r"a number is too long"):
        load(write(tmp_path, '[{"x": ' + "1" * 10**6 + ', "label": "a"}]'))
