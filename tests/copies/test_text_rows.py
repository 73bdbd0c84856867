"""Text tables taken apart: whatever a CSV holds, joined again it is the same text."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfs_cli.copies.text_rows import encoded, plain, read_text_rows, written
from alfs_cli.errors import InputError

CELLS = st.text(st.sampled_from('ab,;\t"\r\n \u00e4|0.'), max_size=6)


def joined(rows):
    lines = (rows.text(record) for record in (rows.names, *rows.rows))
    return encoded(rows.head + "".join(lines), rows.encoding)


@given(
    table=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6),
    separator=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    like=st.sampled_from(["", '"x"']),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"]),
)
def test_a_table_is_taken_apart_without_loss(folder, table, separator, end, like, encoding):
    rows = [["p", "q", "r"], *table]
    text = "".join(
        separator.join(written(cell, separator, like=like) for cell in row) + end for row in rows
    )
    content = (("\ufeff" if "16" in encoding else "") + text).encode(encoding)
    (folder / "t.csv").write_bytes(content)
    found = read_text_rows(folder / "t.csv", columns=3, count=len(table))
    assert found.separator == separator
    assert joined(found) == content
    assert found.names.cells == tuple(written(cell, separator, like=like) for cell in rows[0])
    assert [[plain(cell) for cell in found.rows[k].cells] for k in found.places] == table
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=separator)) == rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@given(text=CELLS, separator=st.sampled_from(",;\t|"), like=st.sampled_from(["", "x", '"x"']))
def test_a_written_cell_says_the_same(text, separator, like):
    cell = written(text, separator, like=like)
    assert plain(cell) == text
    line = io.StringIO(f"{cell}{separator}", newline="")
    assert next(csv.reader(line, delimiter=separator))[0] == text


def test_a_named_separator_and_lines_before_the_names(tmp_path):
    content = b"sep=;\r\n\r\na;b\r\n1,5;x\r\n  \r\n2;y\r\n"
    (tmp_path / "t.csv").write_bytes(content)
    found = read_text_rows(tmp_path / "t.csv", columns=2, count=2)
    assert (found.separator, found.names.cells) == (";", ("a", "b"))
    assert [found.rows[place].cells for place in found.places] == [("1,5", "x"), ("2", "y")]
    assert joined(found) == content


def test_rows_that_cannot_be_told_apart_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="does not split into the 2 rows"):
        read_text_rows(tmp_path / "t.csv", columns=2, count=2)
