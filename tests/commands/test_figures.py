"""`alfs figures`: what it writes, and what it refuses."""

import json

import pytest

from alfs_cli.cli import run


@pytest.mark.slow
def test_figures(capsys, tmp_path):
    code = run(["figures", "fig6", "--out", str(tmp_path), "-f", "json"])
    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert document["schema"] == "alfs.figures/1"
    names = ["fig6.csv", "fig6.png", "fig6.svg"]
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == names


def test_unknown_figure(capsys, tmp_path):
    assert run(["figures", "fig3", "--out", str(tmp_path)]) == 2
    assert "help: alfs sweep" in capsys.readouterr().err
    assert run(["figures", "fig9", "--out", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "unknown figure 'fig9'" in captured.err
    assert "fig1, fig2, fig4, fig6" in captured.err
