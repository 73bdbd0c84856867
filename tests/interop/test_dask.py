"""The passes by Dask, as docs/scale.md shows them."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import alfs_cli as alfs
from alfs_cli.cli import run
from tests.docs.blocks import blocks

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="dask is not here"),
]
PAGE = Path(__file__).parents[2] / "docs" / "scale.md"


@pytest.mark.filterwarnings("ignore")  # of Dask's own
def test_the_example_of_the_page_runs(tmp_path, monkeypatch):
    from dask.distributed import LocalCluster

    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    true = generator.integers(0, 2, 800)
    given = np.where(generator.random(800) < 0.2, 1 - true, true)
    np.savez("d.npz", features=3 * np.eye(4)[true] + generator.normal(size=(800, 4)), labels=given)
    assert run(["features", "d.npz", "--to", "features", "-q"]) == 0
    text = next(one.text for one in blocks(PAGE, "python") if "dask" in one.text)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        names = {}
        exec(text.replace("scheduler:8786", cluster.scheduler_address), names)
        names["client"].close()
    work = alfs.passes("features")
    merged = work.merge(map(work.first_pass, work.files))
    here = merged.finish(map(merged.second_pass, work.files))
    assert names["estimate"].suspects.equals(here.suspects)
