"""Small audits to put a face on: a table of labels alone, and pictures in class folders."""

import csv
from pathlib import Path

import pytest
from PIL import Image

from alfs_cli.auditing.exhibits import exhibits
from alfs_cli.auditing.session import bare
from alfs_cli.audits.claims import parse
from alfs_cli.audits.record import start
from alfs_cli.data import DataSpec, load

CLASSES = ("bad", "good", "so-so")


def write_table(path, count=60, name="text"):
    """Write a table of labels alone, an opinion a row; every fifth label is another one's."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["review", name, "shop", "label"])
        for i in range(count):
            given = CLASSES[i % 3] if i % 5 else CLASSES[(i + 1) % 3]
            rows.writerow([f"r{i}", f"it is {i}, =1+{i}", f"shop {i % 4}", given])


def write_pictures(folder, each=40, classes=("cat", "dog")):
    """Write grey pictures into class folders, each of a shade of its own."""
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for n in range(each):
            shade = 120 * label + 3 * n
            Image.new("L", (6, 6), shade).save(folder / name / f"{n}.png")


@pytest.fixture
def shows(tmp_path, monkeypatch):
    """What there is to see of a table of 60 rows."""
    monkeypatch.chdir(tmp_path)
    write_table(Path("t.csv"))
    return exhibits(load(DataSpec("t.csv", labels_alone=True)))


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """What there is to see of a folder of 80 pictures."""
    monkeypatch.chdir(tmp_path)
    write_pictures(Path("data"))
    return exhibits(load(DataSpec("data")))


@pytest.fixture
def begin(tmp_path):
    """Return a function that begins an audit of what is seen."""

    def call(shows, *claims, out="out", **options):
        parsed = [parse(text) for text in claims or ("noise-rate <= 0.2",)]
        return start(tmp_path / out, bare(shows), parsed, **options)

    return call
