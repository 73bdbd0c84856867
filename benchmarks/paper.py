"""Keep finished runs of the paper's tables where the documentation is made from them.

    alfs sweep --paper table6 --data mnist --root DIR [--losses agce,ce] [--noise symmetric:0.8]
    python benchmarks/paper.py RUN|SWEEP|FOLDER... [--to FOLDER]
    python benchmarks/write_pages.py

Copies each finished run on a data set of the paper, whose loss and noise it reports, to
benchmarks/results/paper/DATASET/RUN: result.json, environment.json, metrics.jsonl and config.yaml,
without the place of the data on this machine. The other runs are named and left. Nothing is
computed: docs/measured/reproduction.md compares them.
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from alfs_cli.comparing import find_runs
from alfs_cli.comparing.paper import reported_for
from alfs_cli.results.run import (
    CONFIG,
    ENVIRONMENT,
    METRICS,
    RESULT,
    Run,
    TrainConfig,
    load_config,
)

RESULTS = Path(__file__).parent / "results" / "paper"


def main() -> None:
    """Copy the finished runs that belong to a table, and say which."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", help="runs or sweeps, or folders of runs")
    parser.add_argument("--to", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    for run in find_runs(arguments.runs, Path("alfs-out")):
        config = load_config(run.folder)
        figure, missing = reported_for(run, config.settings())
        if figure is None:
            print(f"left {run.folder}: {missing}")
            continue
        print(f"kept {keep(run, config, arguments.to)}" + (f": {missing}" if missing else ""))


def keep(run: Run, config: TrainConfig, to: Path) -> Path:
    """Copy the small files of a run, and return their folder."""
    dataset = {key: value for key, value in config.dataset.items() if key != "root"}
    placeless = replace(config, dataset=dataset)
    folder = to / dataset["source"] / placeless.run_id
    folder.mkdir(parents=True, exist_ok=True)
    for name in (RESULT, ENVIRONMENT, METRICS):
        shutil.copyfile(run.folder / name, folder / name)
    placeless.save(folder / CONFIG)
    return folder


if __name__ == "__main__":
    main()
