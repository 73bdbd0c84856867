"""To add a loss, a method, a format, an encoder or a reader is one new file and a line in a table.

Each is really added, to a copy of the package, by a new file and one changed one; then it is in the
help, in the reports and in the certificate, and it works.
"""

import contextlib
import importlib
import io
import json
import os
import shutil
import sys
from pathlib import Path
from subprocess import PIPE
from typing import NamedTuple

import numpy as np
import pytest

import alfs_cli
from tests.forks import forked

PACKAGE = Path(alfs_cli.__file__).parent


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package to add to, and what runs `alfs` from it in an empty folder."""
    home = tmp_path / "home"
    shutil.copytree(PACKAGE, home / "alfs_cli")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return Copy(home)


class Done(NamedTuple):
    """What a command line came to."""

    returncode: int
    stdout: str
    stderr: str


class Copy:
    """The package in a folder of its own."""

    def __init__(self, home):
        self.home = home

    def add(self, file, text, table, old, new):
        """Write a new file, and change one text that a table holds once."""
        path = self.home / "alfs_cli" / file
        assert not path.exists()
        path.write_text(text)
        listed = self.home / "alfs_cli" / table
        before = listed.read_text()
        assert before.count(old) == 1, table
        listed.write_text(before.replace(old, new))

    def alfs(self, *lines):
        """Run command lines of `alfs`, imported anew from here once; return what each came to."""

        def run():
            for name in [name for name in sys.modules if name.partition(".")[0] == "alfs_cli"]:
                del sys.modules[name]
            sys.path.insert(0, str(self.home))
            program = importlib.import_module("alfs_cli.cli")
            assert Path(program.__file__).is_relative_to(self.home)
            found = []
            for words in lines:
                out, err = io.StringIO(), io.StringIO()
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    code = program.run([*map(str, words)])
                found.append((code, out.getvalue(), err.getvalue()))
            print(json.dumps(found))

        environment = {**os.environ, "COLUMNS": "200"}
        process = forked(run, env=environment, stdout=PIPE, stderr=PIPE, text=True)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        found = [Done(*one) for one in json.loads(out)]
        assert not any("Traceback" in done.stderr for done in found), found
        return found


def features(path="d.npz", count=200):
    """Write features of two classes with a tenth of the labels wrong."""
    generator = np.random.default_rng(0)
    true = np.arange(count) % 2
    X = generator.normal(size=(count, 4)) + 3 * true[:, None]
    labels = np.where(generator.random(count) < 0.1, 1 - true, true)
    np.savez(path, features=X, labels=labels)
    return path


HALF = '''"""A loss that was added."""

from dataclasses import dataclass

from alfs_cli.losses.separable import MAE


@dataclass(frozen=True)
class Half(MAE):
    """Half of the mean absolute error."""

    name = "half"
    formula = "2 (1 - u), halved"
    source = "added"
'''


def test_a_loss(copy):
    copy.add(
        "losses/half.py", HALF,
        "losses/text.py", "NEWER = (ANLCE,",
        "from alfs_cli.losses.half import Half\n\nNEWER = (Half, ANLCE,",
    )  # fmt: skip
    noise = ("--noise", "symmetric", "--rate", "0.2", "--classes", "4")
    listed, certificate, wrong = copy.alfs(
        ("losses", "list"),
        ("losses", "check", "half", *noise, "-f", "json"),
        ("train", "digits", "--loss", "hafl"),
    )
    assert "half" in listed.stdout
    assert certificate.returncode == 0, certificate.stderr
    assert "proved" in certificate.stdout
    assert wrong.returncode == 2
    assert "did you mean 'half'" in wrong.stderr


EVEN = '''"""A method that was added: it finds T even off the diagonal."""

import numpy as np

from alfs_cli.estimators.parts.counts import CountedEstimate


def even(sample):
    """Return as many wrong labels of each kind as the evidence disagrees with."""
    K = sample.num_classes
    wrong = float((sample.probs.argmax(axis=1) != sample.labels).mean())
    given = np.bincount(sample.labels, minlength=K)
    counts = np.full((K, K), wrong / max(K - 1, 1)) * given
    np.fill_diagonal(counts, (1 - wrong) * given)
    return CountedEstimate("even", counts, given)
'''


def test_a_method(copy):
    copy.add(
        "estimators/even.py", EVEN,
        "estimators/__init__.py", '    "hoc": Method("hoc:hoc"),\n',
        '    "hoc": Method("hoc:hoc"),\n    "even": Method("even:even"),\n',
    )  # fmt: skip
    offered, done, wrong = copy.alfs(
        ("estimate", "-h"),
        ("estimate", features(), "--method", "even"),
        ("estimate", "d.npz", "--method", "evne"),
    )
    assert "even" in offered.stdout
    assert done.returncode == 0, done.stderr
    estimate = json.loads(Path("alfs-out/estimate.json").read_text())
    assert estimate["method"] == "even"
    assert 0.02 < estimate["noise_rate"]["value"] < 0.2
    assert "did you mean 'even'" in wrong.stderr


LOUD = '''"""A format that was added: the title, aloud."""


def render(report):
    """Return the title in capitals."""
    return report.title.upper() + "\\n"
'''


def test_a_format(copy):
    copy.add(
        "formats/loud.py", LOUD,
        "formats/__init__.py", '    "csv": None,\n', '    "csv": None,\n    "loud": None,\n',
    )  # fmt: skip
    offered, done = copy.alfs(
        ("estimate", "-h"),
        ("estimate", features(), "-f", "loud", "-o", "loud=a.txt", "-q"),
    )
    assert "loud" in offered.stdout
    assert done.returncode == 0, done.stderr
    assert done.stdout == "LABEL NOISE IN D.NPZ\n"
    assert Path("a.txt").read_text().startswith("LABEL NOISE IN D.NPZ\n")


MEANS = '''"""An encoder that was added: the mean of each quarter of a picture."""

from alfs_cli.data.images.framing import Frame
from alfs_cli.evidence.encoders.interface import Encoder, PictureNetwork


def find(asked):
    """Return an encoder that averages."""
    from torch.nn.functional import adaptive_avg_pool2d

    network = PictureNetwork(
        lambda x: adaptive_avg_pool2d(x, 4).flatten(1), Frame(16, 16), (0.0,), (255.0,)
    )
    return Encoder(asked.name, "means", pictures=lambda device: network)
'''


def test_an_encoder(copy):
    copy.add(
        "evidence/encoders/means.py", MEANS,
        "evidence/encoders/__init__.py", "ENCODERS = {\n",
        'ENCODERS = {\n    "means": Source("means"),\n',
    )  # fmt: skip
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 2
    images = generator.integers(0, 100, (60, 16, 16, 3)) + 120 * labels[:, None, None, None]
    np.savez("p.npz", images=images.astype(np.uint8), labels=labels)
    offered, done = copy.alfs(
        ("estimate", "-h"),
        ("estimate", "p.npz", "--evidence", "encoder", "--encoder", "means"),
    )
    assert "means" in offered.stdout
    assert done.returncode == 0, done.stderr
    evidence = json.loads(Path("alfs-out/estimate.json").read_text())["evidence"]
    assert (evidence["kind"], evidence["encoder"]) == ("encoder", "means")
    assert evidence["agreement"] > 0.95


BARS = '''"""A reader that was added: a label and its numbers a line, between bars."""

import numpy as np

from alfs_cli.data.content import Content, array_digest
from alfs_cli.data.labels import raw_labels
from alfs_cli.data.readers.arrays import array_candidates


def read_bars(path, spec):
    """Read lines such as `ant|1|2`."""
    rows = [line.split("|") for line in path.read_text().splitlines()]
    X = np.array([[float(cell) for cell in row[1:]] for row in rows], dtype=np.float32)
    labels = raw_labels(np.array([row[0] for row in rows]), where=f"'{path}'")
    return Content(
        kind="bars",
        count=len(rows),
        digest=array_digest(X),
        labels=labels,
        features=array_candidates(
            X, where=f"'{path}'", asked=spec.feature_columns, excluded=spec.exclude_columns
        ),
    )
'''


def test_a_reader(copy):
    copy.add(
        "data/readers/bars.py", BARS,
        "data/readers/__init__.py", '    ".npz": Reader("arrays:read_npz"),\n',
        '    ".npz": Reader("arrays:read_npz"),\n    ".bars": Reader("bars:read_bars"),\n',
    )  # fmt: skip
    with np.load(features()) as arrays:
        lines = [
            "|".join([("ant", "bee")[label], *map(str, row)])
            for label, row in zip(arrays["labels"], arrays["features"], strict=True)
        ]
    Path("d.bars").write_text("\n".join(lines))
    Path("d.xyz").write_text("x")
    offered, done, wrong, other = copy.alfs(
        ("estimate", "-h"),
        ("estimate", "d.bars"),
        ("estimate", "d.bars", "--split", "train"),
        ("estimate", "d.xyz"),
    )
    assert ".bars" in offered.stdout
    assert done.returncode == 0, done.stderr
    estimate = json.loads(Path("alfs-out/estimate.json").read_text())
    assert estimate["data"]["kind"] == "bars"
    assert estimate["data"]["classes"] == ["ant", "bee"]
    assert 0.02 < estimate["noise_rate"]["value"] < 0.2
    assert (wrong.returncode, "has no splits" in wrong.stderr) == (2, True)
    assert ".bars" in other.stderr
