"""Texts: does alfs rank wrong labels as well as cleanlab, and how long do 100,000 texts take?

    python benchmarks/text.py [--seeds 3] [--only ranking,scale,validated] [--data ../shared/data]

`ranking`: average precision of alfs's order of suspects and of cleanlab's, on the same out-of-fold
probabilities. Texts are the short descriptions of Debian's packages (apt-cache dumpavail), twelve
sections as classes, and docstrings of installed packages. Each source is split in two by a hash of
the text: one half is judged, at most 400 texts a class, the other trains the model of the flips
called `human`: the wrong label is the one that model finds likeliest, for the texts where it finds
another label most likely. `symmetric` and `pair` flips are drawn. A tenth is flipped.

`validated`: the same order on real errors: 93 labels of 20 newsgroups that five people judged
(Northcutt, Athalye & Mueller, 2021), by the probabilities published with them. A label is wrong
where three or more said so. Writes benchmarks/results/text_validated.csv.

`scale`: the whole command on texts made by joining real descriptions of one section: processor
seconds, seconds and peak memory of its process. Writes benchmarks/results/text.csv and
text_scale.csv.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from hashlib import sha256
from importlib.metadata import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cleanlab.rank import get_label_quality_scores
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline

import alfs_cli as alfs
from alfs_cli.data.docstrings import _in_package
from alfs_cli.noise import inject, transition_of

RESULTS = Path(__file__).parent / "results"
SECTIONS = (
    "python", "perl", "games", "sound", "graphics", "fonts",
    "science", "net", "admin", "text", "web", "mail",
)  # fmt: skip
PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "matplotlib", "networkx")
MOST = 400  # texts of a class, in each half
RATE = 0.1
FORM: dict[str, Any] = {"index": False, "float_format": "%.6g", "lineterminator": "\n"}
Texts = dict[str, list[str]]


def descriptions() -> Texts:
    """Return the short descriptions of Debian's packages by section, no text twice."""
    found: Texts = defaultdict(list)
    told = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True)
    for block in told.stdout.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        section = fields.get("Section", "").rpartition("/")[2]
        if section in SECTIONS and "Description" in fields:
            found[section].append(fields["Description"])
    return {section: list(dict.fromkeys(found[section])) for section in SECTIONS}


def docstrings() -> Texts:
    """Return the docstrings of installed packages by package, no text twice."""
    found: Texts = {}
    for name in PACKAGES:
        paths = [Path(str(file.locate())) for file in files(name) or () if file.suffix == ".py"]
        folder = paths[0].parents[
            len(paths[0].parts) - 1 - paths[0].parts.index("site-packages") - 1
        ]
        found[name] = list(dict.fromkeys(_in_package(folder)))
    return found


SOURCES = {"descriptions": descriptions, "docstrings": docstrings}


def halves(texts: Texts) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the half that is judged and the one that the model of human flips is trained on."""
    rows = [(text, label) for label, said in texts.items() for text in said]
    table = pd.DataFrame(rows, columns=["text", "label"]).drop_duplicates("text", keep=False)
    key = table["text"].map(lambda text: sha256(text.encode()).digest())
    table = table.assign(key=key, half=key.map(lambda digest: digest[-1] % 2)).sort_values("key")
    parts = (table[table["half"] == half].groupby("label").head(MOST) for half in (0, 1))
    first, second = (part[["text", "label"]].reset_index(drop=True) for part in parts)
    return first, second


def human_flips(judged: pd.DataFrame, elsewhere: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Return labels (N,) of which a tenth is what a model trained elsewhere finds likelier."""
    model = make_pipeline(
        TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10, max_iter=300)
    ).fit(elsewhere["text"], elsewhere["label"])
    probs = model.predict_proba(judged["text"])[:, [list(model.classes_).index(n) for n in names]]
    true = judged["label"].map(names.index).to_numpy()
    each = np.arange(len(true))
    odds = -np.log(np.maximum(probs[each, true], 1e-12))
    probs[each, true] = -1
    other = probs.argmax(axis=1)
    odds += np.log(np.maximum(probs[each, other], 1e-12))
    chosen = np.argsort(-odds, kind="stable")[: int(RATE * len(true))]
    given = true.copy()
    given[chosen] = other[chosen]
    return given


def ranked(
    judged: pd.DataFrame, given: np.ndarray, names: list[str], seed: int
) -> dict[str, float]:
    """Return average precision of both rankings, and what alfs lists."""
    true = judged["label"].map(names.index).to_numpy()
    begun = time.process_time()
    est = alfs.estimate(
        texts=judged["text"].tolist(),
        labels=np.array(names)[given],
        true_labels=judged["label"].to_numpy(),
        all_scores=True,
        seed=seed,
    )
    seconds = time.process_time() - begun
    found = est.made.judged
    wrong = found.dataset.labels != found.dataset.true_labels
    listed = np.empty(len(wrong))
    listed[found.listed.places] = -np.arange(len(wrong))
    row = {"score": average_precision_score(wrong, found.scores.score)}
    row["listed"] = average_precision_score(wrong, listed)
    for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
        quality = get_label_quality_scores(
            found.dataset.labels, found.evidence.probs, method=method
        )
        row[f"cleanlab_{method}"] = average_precision_score(wrong, -quality)
    issues = est.result.issues
    row |= {"precision": issues.precision, "recall": issues.recall, "seconds": seconds}
    right = found.evidence.probs.argmax(axis=1) == found.dataset.true_labels
    rate = est.noise_rate
    row |= {"rate": rate.value, "low": rate.low, "high": rate.high, "right": right.mean()}
    return row | {"n": len(true), "wrong": int((given != true).sum())}


def ranking(seeds: int) -> None:
    """Write a row for each source, kind of flips and seed."""
    rows = []
    for source, read in SOURCES.items():
        judged, elsewhere = halves(read())
        names = sorted(set(judged["label"]))
        true = judged["label"].map(names.index).to_numpy()
        for noise in ("symmetric", "pair", "human"):
            for seed in range(seeds if noise != "human" else 1):
                rng = np.random.default_rng([seed, 23])
                if noise == "human":
                    given = human_flips(judged, elsewhere, names)
                else:
                    T = transition_of(noise, RATE, len(names))
                    given = inject(true, T, rng, draw="exact")
                found = ranked(judged, given, names, seed)
                rows.append({"source": source, "noise": noise, "seed": seed, **found})
                print(rows[-1], flush=True)
                pd.DataFrame(rows).to_csv(RESULTS / "text.csv", **FORM)


def validated(data: Path) -> pd.DataFrame:
    """Return average precision of the rankings of labels that people judged."""
    with np.load(data / "validated_20news.npz") as stored:
        probs, y = stored["pred_probs"].astype(np.float64), stored["labels"].astype(np.int64)
        checked, votes = stored["checked"], stored["votes"]
    probs /= probs.sum(axis=1, keepdims=True)
    wrong = votes[:, 1] + votes[:, 2] >= 3  # the guessed class, or neither
    est = alfs.estimate(pred_probs=probs, labels=y)
    found = est.made.judged
    score = np.empty(len(y))
    score[found.dataset.positions] = found.scores.score
    rows = {"alfs": score}
    for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
        rows[f"cleanlab {method}"] = -get_label_quality_scores(y, probs, method=method)
    table = [
        {"method": name, "average_precision": average_precision_score(wrong, ranks[checked])}
        for name, ranks in rows.items()
    ]
    print(table)
    return pd.DataFrame(table).assign(judged=len(wrong), wrong=int(wrong.sum()))


def scale(sizes: tuple[int, ...] = (10_000, 100_000), joined: int = 4) -> pd.DataFrame:
    """Return what the whole command takes on texts of several descriptions of one section."""
    texts = descriptions()
    rows = []
    for N in sizes:
        rng = np.random.default_rng(N)
        true = rng.integers(len(SECTIONS), size=N)
        given = np.where(rng.random(N) < RATE, rng.integers(len(SECTIONS), size=N), true)
        said = [". ".join(rng.choice(texts[SECTIONS[k]], joined)) for k in true]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "texts.csv")
            labels = np.array(SECTIONS)
            pd.DataFrame({"text": said, "label": labels[given]}).to_csv(path, index=False)
            command = [sys.executable, "-m", "alfs_cli", "estimate", str(path), "--no-cache",
                       "--out", folder, "-q"]  # fmt: skip
            begun = time.perf_counter()
            process = subprocess.Popen(command)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begun
        if status:
            raise SystemExit(f"the command failed at {N} texts")
        rows.append(
            {
                "texts": N,
                "characters": round(float(np.mean([len(text) for text in said])), 1),
                "processor_seconds": usage.ru_utime + usage.ru_stime,
                "seconds": wall,
                "load": os.getloadavg()[0],
                "cores": os.cpu_count(),
                "peak_GB": usage.ru_maxrss / 1e6,
            }
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="ranking,scale,validated")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    if "ranking" in options.only:
        ranking(options.seeds)
    if "validated" in options.only:
        validated(options.data).to_csv(RESULTS / "text_validated.csv", **FORM)
    if "scale" in options.only:
        scale().to_csv(RESULTS / "text_scale.csv", **FORM)


if __name__ == "__main__":
    main()
