"""Which column of a table holds text, and texts that cannot be judged."""

import json

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.data.readers.texts import text_column
from alfs_cli.data.texts import excerpt, text_digest
from alfs_cli.errors import InputError, UsageError

SAID = [f"a sentence about thing {number} of many" for number in range(60)]
LABELS = ["ant", "bee"] * 30


@pytest.fixture
def write(tmp_path):
    def table(name="a.csv", **columns):
        path = tmp_path / name
        frame = pd.DataFrame({"label": LABELS, **columns})
        if name.endswith(".jsonl"):
            frame.to_json(path, orient="records", lines=True)
        elif name.endswith(".parquet"):
            frame.to_parquet(path)
        else:
            frame.to_csv(path, index=False)
        return path

    return table


def read(path, **options):
    return load(DataSpec(str(path), **options))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_the_same_texts_from_every_form(write, name):
    found = read(write(name, said=SAID))
    assert found.texts.tolist() == SAID
    assert (found.text_column, found.features, found.images) == ("said", None, None)
    assert found.fingerprint == read(write("b.csv", said=SAID)).fingerprint
    assert found.fingerprint != read(write("c.csv", said=SAID[::-1])).fingerprint
    assert found.subset(np.array([3, 1])).texts.tolist() == [SAID[3], SAID[1]]


def test_a_usual_name_comes_before_what_reads_like_text(write):
    other = [f"{text}, and this one is longer by a few words" for text in SAID]
    assert read(write(author=other, Review=SAID)).text_column == "Review"
    found = read(write(author=other, Review=SAID), text_column="author")
    assert (found.text_column, found.texts.tolist()) == ("author", other)
    assert dict(found.columns.aside) == {"Review": "is not the text that is judged"}


def test_names_codes_and_categories_are_no_text(write):
    cells = {
        "names": np.array([f"Ann No{number}" for number in range(60)], dtype=object),
        "colour": np.array(["dark and deep red", "light blue of sky"] * 30, dtype=object),
    }
    assert text_column(cells, is_alone=False) == (None, ())
    cells["text"] = cells["colour"]
    assert text_column(cells, is_alone=False)[0] is None
    assert text_column({"text": cells["names"]}, is_alone=True)[0] == "text"


def test_pictures_and_named_features_come_first(write):
    found = read(write(text=SAID, x=np.arange(60) % 7, z=np.arange(60) % 5), feature_columns="x")
    assert found.texts is None
    assert found.columns.used == ("x",)
    with pytest.raises(UsageError, match="one of the two"):
        read(write(text=SAID, x=np.arange(60) % 7), feature_columns="x", text_column="text")


def test_empty_texts_are_left_out_each_with_its_line(write):
    found = read(write(text=["  " if n in (2, 7) else text for n, text in enumerate(SAID)]))
    assert len(found) == 58
    assert [(p.rule, p.line, p.row) for p in found.problems] == [
        ("ALFS408", 4, 2),
        ("ALFS408", 9, 7),
    ]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([" "] * 60, "column 'text' of .* holds no text"),
        (["the same words"] * 60, "repeats one text in every row: 'the same words'"),
        ([["a", "b"]] * 60, "not one value but a list"),
    ],
)
def test_a_column_without_texts_is_refused(tmp_path, cells, message):
    path = tmp_path / "a.jsonl"
    rows = [{"text": cell, "label": label} for cell, label in zip(cells, LABELS, strict=True)]
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(InputError, match=message) as caught:
        read(path, text_column="text")
    assert caught.value.help


def test_numbers_among_texts_are_said(tmp_path):
    path = tmp_path / "a.jsonl"
    cells = [7 if n % 3 else text for n, text in enumerate(SAID)]
    rows = [{"text": cell, "label": label} for cell, label in zip(cells, LABELS, strict=True)]
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(InputError, match="is not a number in 20 of 60 rows") as caught:
        read(path)
    assert "--text-column" in str(caught.value.help)
    found = read(path, text_column="text")
    assert found.texts[1] == "7"
    assert "40 of 60 cells of 'text' are no text: they are read as they are written" in found.notes


def test_data_without_columns_of_text_refuse_the_option():
    with pytest.raises(UsageError, match="has no columns of text"):
        load(DataSpec("digits", text_column="text"))


def test_white_space_is_no_difference_between_copies():
    assert text_digest("one  text\n") == text_digest(" one text")
    assert text_digest("one text") != text_digest("One text")


def test_an_excerpt_is_one_line_and_safe():
    assert excerpt("a\x1b[31m\nb", 10) == "a\ufffd[31m b"
    assert excerpt("x" * 50, 10) == "xxxxxxx..."


def test_text_beside_pictures_is_named_and_taken_where_asked_for(tmp_path, picture):
    rows = [(f"{n}.png", SAID[n], LABELS[n]) for n in range(6)]
    for n in range(6):
        picture(tmp_path / f"{n}.png", n)
    path = tmp_path / "a.csv"
    pd.DataFrame(rows, columns=["path", "text", "label"]).to_csv(path, index=False)
    found = read(path)
    assert found.images is not None
    assert "judged by the pictures; --text-column text takes the text beside them" in found.notes
    asked = read(path, text_column="text")
    assert (asked.images, asked.texts.tolist()) == (None, SAID[:6])
    (tmp_path / "0.png").unlink()
    with pytest.raises(InputError, match="do not exist") as caught:
        read(path)
    assert "--text-column text judges by the text instead" in str(caught.value.help)


@pytest.mark.parametrize("cell", ["", '""', "   "])
@pytest.mark.parametrize("options", [{}, {"text_column": "Review"}], ids=["found", "named"])
def test_a_column_that_is_named_as_text_and_is_empty_is_said_to_be(tmp_path, cell, options):
    path = tmp_path / "a.csv"
    path.write_text("Review,label\n" + "".join(f"{cell},{'ab'[n % 2]}\n" for n in range(12)))
    with pytest.raises(InputError) as caught:
        read(path, **options)
    assert "column 'Review' of" in str(caught.value)
    assert "holds no text: every cell is empty" in str(caught.value)
    assert "--text-column" in str(caught.value.help)
