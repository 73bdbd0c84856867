"""What a run says of the examples is what `alfs predict` writes of them."""

from pathlib import Path

import numpy as np
import pytest

from alfs_cli.cli import run
from alfs_cli.console import Quiet
from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError
from alfs_cli.predicting.classes import predictions_of

pytestmark = pytest.mark.slow


class Silent(Quiet):
    """Warns of nothing."""

    def warn(self, text):
        """Say nothing."""


def test_they_are_the_run_s_likeliest_classes_by_the_names_of_the_data(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run(["train", "digits", "--loss", "ce", "--epochs", "1", "-q"]) == 0
    (folder,) = Path("alfs-out/runs").iterdir()
    words = ["predict", folder.name, "digits", "--split", "test", "--to", "p.npz", "-q"]
    assert run(words) == 0
    capsys.readouterr()
    with np.load("p.npz") as arrays:
        expected = arrays["pred_probs"].argmax(axis=1)
    spec = DataSpec("digits", split="test")
    options = {"out": Path("alfs-out"), "device": "cpu", "console": Silent()}
    names = load(spec).class_names
    found = predictions_of(folder.name, spec, names, **options)
    np.testing.assert_array_equal(found, expected)
    turned = names[::-1]
    again = predictions_of(folder.name, spec, turned, **options)
    np.testing.assert_array_equal(again, 9 - expected)
    with pytest.raises(InputError, match="knows a class '9' that the data have not"):
        predictions_of(folder.name, spec, names[:9], **options)
    with pytest.raises(InputError):
        predictions_of("no-such-run", spec, names, **options)
    claim = f"accuracy:{folder.name} >= 0.3"
    sheet = ["audit", "digits", "--split", "test", "--claim", claim, "--evidence", "none"]
    assert run([*sheet, "--sheet", "s.csv", "--batch", "30", "-q"]) == 0
    rows = Path("s.csv").read_text(encoding="utf-8-sig").splitlines()
    true = load(spec).labels
    filled = [f"{line}{true[int(line.split(',')[0])]}" for line in rows[1:]]
    Path("s.csv").write_text("\n".join([rows[0], *filled]) + "\n")
    assert run([*sheet, "--read", "s.csv", "-q", "-f", "csv"]) == 0
    out = capsys.readouterr().out
    cells = out.splitlines()[-1].split(",")
    assert cells[1] == "accepted"
    assert float(cells[3]) <= np.mean(expected == true) <= float(cells[4])
