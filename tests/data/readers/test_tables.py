"""Whatever text is a label comes back from a table as it was."""

import csv
import json
import tempfile
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alfs_cli.data.readers.tables import read_table
from alfs_cli.errors import InputError

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def written(folder, suffix, labels):
    path = Path(folder) / f"m{suffix}"
    with path.open("w", encoding="utf-8", newline="") as file:
        if suffix == ".jsonl":
            file.writelines(json.dumps({"x": 1, "label": label}) + "\n" for label in labels)
        else:
            writer = csv.writer(file, delimiter="\t" if suffix == ".tsv" else ",")
            writer.writerow(["x", "label"])
            writer.writerows([1, label] for label in labels)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
@given(labels=st.lists(names, min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_labels_come_back_composed(suffix, labels):
    with tempfile.TemporaryDirectory() as folder:
        table = read_table(written(folder, suffix, labels), text=["label"])
    expected = [unicodedata.normalize("NFC", label) for label in labels]
    assert table.labels("label", declared=expected).tolist() == expected  # NAN is a name here
    assert table.lines is not None
    assert len(table.lines) == len(labels)


@given(labels=st.lists(names, min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_lines_are_where_rows_start(labels):
    with tempfile.TemporaryDirectory() as folder:
        path = written(folder, ".csv", labels)
        content = path.read_bytes().decode()
        lines = read_table(path, text=["label"]).lines
    breaks = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line in lines:
        assert breaks[line - 1].startswith("1,")


def test_a_column_of_several_types_is_text(tmp_path):
    rows = [1, 2.0, 2.5, True, "x", "1.0"]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps({"label": row}) + "\n" for row in rows))
    labels = read_table(tmp_path / "m.jsonl", text=["label"]).labels("label")
    assert labels.tolist() == ["1", "2", "2.5", "true", "x", "1.0"]


@pytest.mark.parametrize("dtype", ["int64", "float32", "category", "bool", "string"])
def test_parquet_types_become_the_same_text(tmp_path, dtype):
    values = pd.Series([1, 0, 1]).astype(dtype)
    pd.DataFrame({"label": values}).to_parquet(tmp_path / "m.parquet")
    table = read_table(tmp_path / "m.parquet", text=["label"])
    expected = ["true", "false", "true"] if dtype == "bool" else ["1", "0", "1"]
    assert table.labels("label").tolist() == expected
    assert table.lines is None


def test_a_huge_cell_costs_only_the_line_numbers(tmp_path):
    (tmp_path / "m.csv").write_text('label,note\na,"' + "x" * 200_000 + '"\nb,y\n')
    table = read_table(tmp_path / "m.csv", text=["label"])
    assert table.lines is None
    assert table.places(np.asarray([1])) == "row 1"


def test_damaged_parquet_is_refused(tmp_path):
    (tmp_path / "m.parquet").write_bytes(b"PAR1 broken")
    with pytest.raises(InputError, match="as Parquet"):
        read_table(tmp_path / "m.parquet", text=[])


@pytest.mark.slow
def test_a_parquet_of_more_rows_than_memory_holds_is_not_unpacked(tmp_path, monkeypatch):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "bomb.parquet"
    block = pa.table({"x": np.zeros(1_000_000), "label": pa.array(["a"] * 1_000_000)})
    with pq.ParquetWriter(path, block.schema) as writer:
        for _ in range(20):
            writer.write_table(block)
    assert path.stat().st_size < 1_000_000
    monkeypatch.setattr("alfs_cli.storage.memory.available_bytes", lambda: 300_000_000)
    with pytest.raises(InputError, match=r"20,000,000 rows and 2 columns takes 0\.3 GB"):
        read_table(path, text=[])
