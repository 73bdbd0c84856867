"""Nothing that a person is shown tells the given label."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alfs_cli.auditing.exhibits import exhibits
from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError


def seen(**columns):
    pd.DataFrame(columns).to_csv("x.csv", index=False)
    return exhibits(load(DataSpec("x.csv", labels_alone=True)))


def test_a_row_is_its_cells_without_the_label(shows):
    assert [name for name, _ in shows.cells(7)] == ["review", "text", "shop"]
    assert shows.cells(7)[1] == ("text", "it is 7, =1+7")
    assert "label" not in shows.shown


def test_columns_that_tell_the_label_are_hidden(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    label = np.array(["ant", "bee"])[np.arange(60) % 2]
    found = seen(
        text=[f"text {i}" for i in range(60)],
        again=label,
        code=[f"code of {name}" for name in label],
        shop=[f"shop {i % 5}" for i in range(60)],
        true_label=label[::-1],
        label=label,
    )
    assert dict(found.hidden) == {
        "again": "holds the label again", "code": "holds the label again",
    }  # fmt: skip
    assert found.shown == ("text", "shop")


def test_what_is_known_of_an_example_hangs_on_what_is_shown_of_it(shows, tmp_path):
    before = [shows.content(place) for place in range(60)]
    assert len(set(before)) == 60
    frame = pd.read_csv("t.csv").iloc[::-1]
    frame["label"] = frame["label"].to_numpy()[::-1].copy()
    frame.to_csv("t.csv", index=False)
    after = exhibits(load(DataSpec("t.csv", labels_alone=True)))
    assert [after.content(place) for place in range(60)] == before[::-1]


def test_the_rows_of_a_split_are_those_of_the_split(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        f"no. {i},{('train', 'test')[i % 2]},{'ab'[(i // 2 + i // 20) % 2]}\n" for i in range(40)
    ]
    Path("s.csv").write_text("text,split,label\n" + "".join(rows))
    found = exhibits(load(DataSpec("s.csv", split="test", labels_alone=True)))
    assert len(found) == 20
    assert found.cells(3) == (("text", "no. 7"),)


def test_paths_of_class_folders_tell_the_label(pictures):
    assert pictures.tells
    assert pictures.picture(0, 32).startswith(b"\x89PNG")
    assert pictures.cells(0) == ()


def test_neutral_paths_do_not(pictures):
    rows = [f"n{i}.png,{'cat' if i < 40 else 'dog'}" for i in range(80)]
    for i in range(80):
        source = Path("data", "cat" if i < 40 else "dog", f"{i % 40}.png")
        Path(f"n{i}.png").write_bytes(source.read_bytes())
    Path("m.csv").write_text("path,label\n" + "\n".join(rows) + "\n")
    assert not exhibits(load(DataSpec("m.csv"))).tells


def test_what_told_the_label_before_some_were_mended_still_tells_it(pictures):
    label = ["cat" if i < 40 else "dog" for i in range(80)]
    old = label.copy()
    label[::9] = ["cat" if name == "dog" else "dog" for name in label[::9]]
    rows = [f"data/{old[i]}/{i % 40}.png,{old[i]},{label[i]}" for i in range(80)]
    Path("m.csv").write_text("path,before,label\n" + "\n".join(rows) + "\n")
    found = exhibits(load(DataSpec("m.csv")))
    assert found.tells
    assert found.hidden == (("before", "names the label of most"),)
    mixed = [f"data/{old[i]}/{i % 40}.png,{'cat' if i % 2 else 'dog'}" for i in range(80)]
    Path("u.csv").write_text("path,label\n" + "\n".join(mixed) + "\n")
    assert not exhibits(load(DataSpec("u.csv"))).tells


def test_a_column_that_is_not_there_is_named_with_its_neighbours(shows, pictures):
    assert shows.column("shop")[:2] == ["shop 0", "shop 1"]
    with pytest.raises(InputError, match=r"no column 'shops' .did you mean 'shop'"):
        shows.column("shops")
    with pytest.raises(InputError, match="has no columns"):
        pictures.column("shop")


def test_two_tables_of_the_same_labels_are_different_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prints = set()
    for word in ("one", "two"):
        found = seen(text=[f"{word} {i}" for i in range(30)], label=["a", "b", "a"] * 10)
        prints.add(found.dataset.fingerprint)
    assert len(prints) == 2


def test_a_row_of_the_data_is_found_and_one_that_was_left_out_is_named():
    dataset = load(DataSpec("digits")).subset(np.array([7, 2, 5]))
    shows = exhibits(dataset)
    assert [shows.place(shows.row(place)) for place in range(3)] == [0, 1, 2]
    with pytest.raises(InputError, match="row 3 was left out"):
        shows.place(3)
