"""The documentation builds without a warning, and what was built holds what it should."""

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]


@pytest.mark.slow
def test_it_builds(tmp_path):
    """As `make docs` does it; links between pages that lead nowhere are warnings."""
    for needed in ("sphinx", "myst_nb", "furo", "ipykernel"):
        pytest.importorskip(needed, reason="make docs installs what builds the pages")
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    options = ("--fail-on-warning", "--keep-going", "--quiet")
    assert f"-m sphinx {' '.join(options)} docs build/docs" in makefile
    settings = ("-D", f"nb_execution_cache_path={tmp_path / 'notebooks'}")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, *settings, "docs", str(tmp_path / "html")],
        cwd=TOP,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    built = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")}
    assert "alfs_cli.estimate" in built["api.html"]
    assert "Bounded(value=" in built["notebook.html"]  # what its cells put out
    for name in ("notebook-photographs.html", "notebook-audit.html"):
        assert 'src="_images/' in built[name]  # what its cells drew
    assert "of 57 wrong ones" in built["notebook-photographs.html"]
    assert 'src="_images/demo.svg"' in built["tour.html"]
    assert 'src="_images/fig3.png"' in built["figures.html"]
