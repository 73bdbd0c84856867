"""A sheet goes out, comes back from any spreadsheet, and enters the record once."""

import csv
import json
from pathlib import Path

import pytest

from alfs_cli.auditing.answers import enter
from alfs_cli.auditing.exhibits import exhibits
from alfs_cli.auditing.sheet import read_sheet, refuse_unread, write_sheet
from alfs_cli.audits.record import resume
from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError, UsageError
from tests.auditing.conftest import write_pictures


def cells(path="s.csv"):
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def filled(rows, answers, path="s.csv", delimiter=",", encoding="utf-8-sig"):
    for row, answer in zip(rows, answers, strict=False):
        row["true_label"] = answer
    with Path(path).open("w", encoding=encoding, newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        table.writeheader()
        table.writerows(rows)


@pytest.fixture
def sheet(shows, begin):
    record = begin(shows)
    write_sheet(record, shows, record.batch(6), Path("s.csv"))
    return record


def test_a_row_says_what_it_is_of_and_not_what_it_is_given(sheet, shows):
    rows = cells()
    assert list(rows[0]) == ["index", "draw", "data.review", "data.text", "data.shop", "true_label"]
    assert [int(row["index"]) for row in rows] == [task.index for task in sheet.batch(6)]
    assert {row["true_label"] for row in rows} == {""}
    text = Path("s.csv").read_text(encoding="utf-8-sig")
    assert not any(name in text for name in ("good", "bad", "so-so"))
    names = [row["true_label"] for row in cells("s.classes.csv")]
    assert names == ["bad", "good", "so-so", "?"]


def test_formulas_in_cells_are_no_formulas(shows, begin, monkeypatch):
    Path("f.csv").write_text(
        "text,label\n" + "".join(f'"=cmd|{i}",{"ab"[i % 2]}\n' for i in range(30))
    )
    from alfs_cli.auditing.exhibits import exhibits
    from alfs_cli.data import DataSpec, load

    other = exhibits(load(DataSpec("f.csv", labels_alone=True)))
    record = begin(other, out="other")
    write_sheet(record, other, record.batch(3), Path("s.csv"))
    assert all(row["data.text"].startswith("'=cmd|") for row in cells())


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8-sig"), (";", "utf-8-sig"), ("\t", "utf-16")]
)
def test_any_spreadsheet_may_have_saved_it(sheet, shows, delimiter, encoding):
    rows = cells()
    filled(rows[::-1], ["Good", " bad ", "?", ""], delimiter=delimiter, encoding=encoding)
    read = enter(sheet, shows, read_sheet(Path("s.csv")))
    assert (read.new, read.same, read.own) == (3, 0, 0)
    by_index = {task.index: sheet.drawn.get(task.number) for task in map(sheet.task, range(6))}
    said = {index: drawn.counts.label for index, drawn in by_index.items() if drawn}
    last = [int(row["index"]) for row in rows[::-1]]
    assert said == {last[0]: 1, last[1]: 0, last[2]: None}


def test_reading_twice_changes_nothing_and_a_change_counts(sheet, shows):
    rows = cells()
    filled(rows, ["good", "bad"])
    enter(sheet, shows, read_sheet(Path("s.csv")))
    lines = sheet.log.lines
    assert enter(sheet, shows, read_sheet(Path("s.csv"))).same == 2
    assert sheet.log.lines == lines
    filled(rows, ["good", "good"])
    assert enter(sheet, shows, read_sheet(Path("s.csv"))).changed == 1
    assert sheet.drawn[1].counts.label == 1
    assert resume(sheet.folder).drawn[1].counts.label == 1


def test_another_persons_sheet_measures_agreement(sheet, shows):
    rows = cells()
    filled(rows, ["good"] * 6, "ann.csv")
    filled(rows, ["good", "bad", *["good"] * 4], "bob.csv")
    sayings = [*read_sheet(Path("ann.csv")), *read_sheet(Path("bob.csv"))]
    assert enter(sheet, shows, sayings).new == 12
    assert sheet.drawn[1].counts.by == "ann"
    assert sheet.drawn[1].others["bob"].label == 0


def test_all_mistakes_are_named_with_their_lines_and_nothing_enters(sheet, shows):
    rows = cells()
    rows[2]["draw"] = "a000000:2"
    rows[3]["index"] = rows[4]["index"]
    filled(rows, ["goood", "good", "good", "good", "good"])
    with pytest.raises(InputError) as found:
        enter(sheet, shows, read_sheet(Path("s.csv")))
    told = str(found.value).splitlines()
    assert told[0] == "s.csv:2: 'goood' is not one of the 3 classes (did you mean 'good'?)"
    assert told[1].startswith("s.csv:4: draw 'a000000:2' is of another audit")
    assert told[2].startswith("s.csv:5: draw ")
    assert len(told) == 3
    assert sheet.answers == 0


def test_a_sheet_of_another_audit_is_told_in_one_line(sheet, shows, begin):
    other = begin(shows, "noise-rate <= 0.3", out="other")
    write_sheet(other, shows, other.batch(6), Path("o.csv"))
    filled(cells("o.csv"), ["good"] * 6, "o.csv")
    with pytest.raises(InputError, match=r"^o.csv:2: a sheet of another audit, all 6 answers"):
        enter(sheet, shows, read_sheet(Path("o.csv")))
    assert sheet.answers == 0


def test_one_example_answered_twice_differently_is_refused(sheet, shows):
    rows = cells()
    rows.append(dict(rows[0]))
    filled(rows, ["good", "", "", "", "", "", "bad"])
    with pytest.raises(InputError, match=r"s.csv:8: example \d+ has another answer at s.csv:2"):
        enter(sheet, shows, read_sheet(Path("s.csv")))
    filled(rows, ["good", "", "", "", "", "", "good"])
    assert enter(sheet, shows, read_sheet(Path("s.csv"))).new == 1


def moved(rows, *columns):
    """Return rows in which the cells of some columns went one row up, as a part sorted alone."""
    after = [*rows[1:], rows[0]]
    return [{**row, **{name: next_[name] for name in columns}} for row, next_ in zip(
        rows, after, strict=True)]  # fmt: skip


@pytest.mark.parametrize("lacking", [(), ("index",), ("draw",)])
def test_a_part_of_a_sheet_that_was_sorted_alone_is_refused(sheet, shows, lacking):
    """The answers would be to other examples than the person saw."""
    rows = moved(cells(), *(name for name in cells()[0] if name.startswith("data.")))
    rows = [{name: cell for name, cell in row.items() if name not in lacking} for row in rows]
    filled(rows, ["good"] * 6)
    with pytest.raises(InputError, match=r"s.csv:2: the row names example .* of another one"):
        enter(sheet, shows, read_sheet(Path("s.csv")))
    assert not sheet.drawn


def test_a_sheet_of_other_data_without_its_draws_is_refused(sheet, shows):
    rows = [{"index": row["index"], "data.review": f"x{i}", "true_label": ""}
            for i, row in enumerate(cells())]  # fmt: skip
    filled(rows, ["good"] * 6)
    with pytest.raises(InputError, match="shows 'x0', of another one"):
        enter(sheet, shows, read_sheet(Path("s.csv")))


@pytest.mark.parametrize(
    "change",
    [
        lambda row: {**row, "data.text": row["data.text"].upper()},
        lambda row: {**row, "data.shop": ""},
        lambda row: {name: row[name] for name in ("index", "true_label")},
        lambda row: {name: row[name] for name in ("draw", "data.review", "true_label")},
    ],
)
def test_cells_that_a_person_changed_are_no_other_examples(sheet, shows, change):
    filled([change(row) for row in cells()], ["good"] * 6)
    assert enter(sheet, shows, read_sheet(Path("s.csv"))).new == 6


def test_copied_pictures_that_were_sorted_alone_are_refused(pictures, begin):
    record = begin(pictures)
    write_sheet(record, pictures, record.batch(4), Path("s.csv"))
    rows = cells()
    filled(moved(rows, "path"), ["cat"] * 4)
    with pytest.raises(InputError, match=r"shows 's-pictures/00001\.png', of another one"):
        enter(record, pictures, read_sheet(Path("s.csv")))
    filled([{**row, "path": "C:\\mine\\" + row["path"]} for row in rows], ["cat"] * 4)
    assert enter(record, pictures, read_sheet(Path("s.csv"))).new == 4


def test_pictures_of_a_list_that_were_sorted_alone_are_refused(tmp_path, monkeypatch, begin):
    monkeypatch.chdir(tmp_path)
    write_pictures(Path("all"), classes=("x", "y"))
    lines = [f"all/{'xy'[i % 2]}/{i // 2}.png,{['cat', 'dog'][i // 2 % 2]}" for i in range(80)]
    Path("list.csv").write_text("path,label\n" + "\n".join(lines) + "\n")
    listed = exhibits(load(DataSpec("list.csv", labels_alone=True)))
    record = begin(listed)
    write_sheet(record, listed, record.batch(4), Path("s.csv"))
    rows = cells()
    assert rows[0]["path"].startswith("all/")
    filled(moved(rows, "path"), ["cat"] * 4)
    with pytest.raises(InputError, match="of another one"):
        enter(record, listed, read_sheet(Path("s.csv")))
    filled([{**row, "path": "/mnt/" + row["path"]} for row in rows], ["cat"] * 4)
    assert enter(record, listed, read_sheet(Path("s.csv"))).new == 4


def test_rows_of_no_draw_settle_labels_and_enter_no_bound(sheet, shows):
    late = sheet.task(40).index
    soon = sheet.task(0).index
    Path("own.csv").write_text(f"index,true_label\n{late},good\n{soon},bad\n99,good\n")
    with pytest.raises(InputError, match=r"own.csv:4: index '99' is no example from 0 to 59"):
        enter(sheet, shows, read_sheet(Path("own.csv")))
    Path("own.csv").write_text(f"index,true_label\n{late},good\n{soon},bad\n")
    read = enter(sheet, shows, read_sheet(Path("own.csv")))
    assert (read.new, read.own) == (1, 1)
    assert sheet.suspects[late].label == 1
    assert sheet.drawn[0].counts.label == 0
    assert sheet.settled() == {late: 1, soon: 0}


def test_a_sheet_that_was_not_read_is_not_written_over(sheet, shows):
    refuse_unread(Path("s.csv"), sheet, shows, read_sheet(Path("s.csv")))
    filled(cells(), ["good", "bad"])
    with pytest.raises(UsageError, match=r"'s\.csv' holds 2 answers that were not read yet"):
        refuse_unread(Path("s.csv"), sheet, shows, read_sheet(Path("s.csv")))
    enter(sheet, shows, read_sheet(Path("s.csv")))
    refuse_unread(Path("s.csv"), sheet, shows, read_sheet(Path("s.csv")))


def test_a_table_that_is_no_sheet_is_told_what_it_lacks(shows):
    with pytest.raises(InputError, match=r"'t.csv' has no column 'true_label'"):
        read_sheet(Path("t.csv"))


def test_pictures_of_class_folders_are_copied_under_names_that_tell_nothing(pictures, begin):
    record = begin(pictures)
    written = write_sheet(record, pictures, record.batch(4), Path("s.csv"))
    rows = cells()
    assert [row["path"] for row in rows] == [f"s-pictures/0000{n}.png" for n in range(4)]
    assert all(Path(row["path"]).read_bytes().startswith(b"\x89PNG") for row in rows)
    assert written.pictures == Path("s-pictures")
    assert not any(name in Path("s.csv").read_text() for name in ("cat", "dog"))


def test_the_given_label_is_there_only_where_it_was_asked_for(shows, begin):
    record = begin(shows, show_given=True)
    write_sheet(record, shows, record.batch(3), Path("s.csv"))
    names = shows.dataset.class_names
    given = [names[shows.dataset.labels[task.index]] for task in record.batch(3)]
    assert [row["given"] for row in cells()] == given


def test_answers_are_kept_with_what_was_shown(sheet, shows):
    filled(cells(), ["good"])
    enter(sheet, shows, read_sheet(Path("s.csv")))
    event = json.loads((sheet.folder / "audit.jsonl").read_text().splitlines()[1])
    assert event["content"] == shows.content(sheet.task(0).index)
    assert event["by"] == "s"


@pytest.mark.parametrize(
    ("written", "said"), [(" good", "good"), ("good ", "GOOD"), (" A b ", "a B")]
)
def test_a_class_with_spaces_around_it_can_be_answered(tmp_path, monkeypatch, begin, written, said):
    monkeypatch.chdir(tmp_path)
    lines = [f"word {i},{written if i % 2 else 'bad'}" for i in range(40)]
    Path("p.csv").write_text("\n".join(["message,label", *lines]) + "\n")
    padded = exhibits(load(DataSpec("p.csv", labels_alone=True)))
    record = begin(padded)
    write_sheet(record, padded, record.batch(3), Path("s.csv"))
    filled(cells(), [said] * 3)
    assert enter(record, padded, read_sheet(Path("s.csv"))).new == 3
    assert record.drawn[0].counts.label == list(padded.dataset.class_names).index(written)
    assert resume(record.folder).drawn[0].counts.label == record.drawn[0].counts.label
