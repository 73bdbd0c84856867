"""CSV of each kind of figure, and files that are pictures."""

import csv
import io

import numpy as np

from alfs_cli.figures import FIGURES, save_all
from alfs_cli.figures.drawing import draw_matrices, draw_scatters
from alfs_cli.figures.figure import Line, Lines, Matrices, Matrix, Scatter, Scatters


def rows(text):
    return list(csv.reader(io.StringIO(text)))


def scatters(classes=3):
    own = np.arange(24) % classes
    panel = Scatter("ce", np.random.default_rng(0).normal(size=(24, 2)), own, own == 1, "n = 24")
    return Scatters("t-SNE", tuple(f"${name}_1" for name in range(classes)), (panel,))


def test_lines():
    x = np.array([1.0, 2.0])
    found = rows(Lines("t", "a", "b", (Line("p", "one", x, x / 3),)).csv())
    assert found == [
        ["panel", "line", "a", "b"],
        ["p", "one", "1", "0.333333"],
        ["p", "one", "2", "0.666667"],
    ]


def test_every_point_is_in_the_csv():
    found = rows(scatters().csv())
    assert len(found) == 25
    assert sum(int(row[4]) for row in found[1:]) == 8
    assert found[2][3] == "$1_1"


def test_numbers_stand_in_cells_of_few_classes():
    def texts(count):
        T = np.eye(count)
        names = tuple(map(str, range(count)))
        canvas = draw_matrices(Matrices("T", (Matrix("T", T, names),)))
        return [text.get_text() for text in canvas.axes[0].texts]

    assert texts(12) == ["1.00"] * 12
    assert texts(13) == []


def test_classes_and_wrong_labels_have_a_legend():
    def legend(figure):
        canvas = draw_scatters(figure)
        return [text.get_text() for found in canvas.legends for text in found.get_texts()]

    assert legend(scatters()) == [r"\$0_1", r"\$1_1", r"\$2_1", "wrong label"]
    many = Scatters("t-SNE", tuple(map(str, range(31))), scatters().panels)
    assert legend(many) == ["wrong label"]


def test_files(tmp_path):
    paths = save_all("plane", scatters(), tmp_path)
    assert [path.name for path in paths] == ["plane.png", "plane.svg", "plane.csv"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in paths[1].read_bytes()


def test_figures_of_the_paper():
    assert set(FIGURES) == {"fig1", "fig2", "fig4", "fig6"}
